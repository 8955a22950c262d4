# frozen_string_literal: true

module ThirdParty
  # One line for each gem: its name, its version, and ok, what was wrong, or which checkout is missing.
  class Formatter
    RSpec::Core::Formatters.register self, :example_group_started, :example_failed, :example_group_finished, :dump_failures

    def initialize(output)
      @output = output
      @failures = []
    end

    def example_group_started(_notification)
      @failures = []
    end

    def example_failed(notification)
      example = notification.example
      @failures << "#{example.description}: #{example.exception.message.strip.lines.first&.strip}"
    end

    def example_group_finished(notification)
      group = notification.group
      missing = group.metadata[:missing]
      @output.puts [group.description, group.metadata[:version], result(missing)].compact.join("  ")
    end

    # Everything about what failed.
    def dump_failures(notification)
      @output.puts notification.fully_formatted_failed_examples if notification.failure_notifications.any?
    end

    private

    def result(missing)
      return "left out, no checkout of #{missing.join(", ")}" if missing.any?

      @failures.empty? ? "ok" : @failures.join("; ")
    end
  end
end
