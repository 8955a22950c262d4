# frozen_string_literal: true

# One config.ru out of many small apps, so that a table of rows needs one process.
# A row is a name and the source of an app's body, with `env` in scope.
class AppTable
  # `prelude` is Ruby that runs once, before the apps are made.
  def initialize(rows, prelude: "")
    @rows = rows
    @prelude = prelude
  end

  def rackup
    apps = @rows.map { |name, source| "#{path(name).dump} => ->(env) { #{source} }," }
    <<~RUBY
      #{@prelude}
      APPS = {
        #{apps.join("\n  ")}
      }
      run ->(env) { APPS.fetch(env["PATH_INFO"], ->(_) { [200, {}, ["plain"]] }).call(env) }
    RUBY
  end

  # The path a row is served at; readable, because it shows up in log lines.
  def path(name)
    raise KeyError, "no row named #{name.inspect}" unless @rows.key?(name)

    "/#{name.downcase.gsub(/[^a-z0-9]+/, '-')}"
  end
end
