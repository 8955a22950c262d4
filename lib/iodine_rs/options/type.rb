# frozen_string_literal: true

module IodineRs
  class Options
    # One kind of value: says in words what it accepts, and turns a Ruby value or a text from the command line into it.
    class Type
      TRUTH = { "true" => true, "yes" => true, "on" => true, "1" => true,
                "false" => false, "no" => false, "off" => false, "0" => false }.freeze
      METHOD = /\A[A-Z0-9$\-_.]{1,20}\z/
      ORIGIN = %r{\Ahttps?://(\*\.)?[^/*\s]+\z}
      YEAR = 31_536_000
      PERMISSIONS = 0..0o7777
      LOOPBACK_PORT = %r{\A(?:tcp://)?:?(\d{1,5})\z}
      private_constant :TRUTH, :METHOD, :ORIGIN, :YEAR, :PERMISSIONS, :LOOPBACK_PORT

      # The accepted values, as messages and the documentation print them.
      attr_reader :accepts

      # The block converts a value; it raises ArgumentError or TypeError for one that is not accepted.
      def initialize(accepts, &convert)
        @accepts = accepts
        @convert = convert
      end

      # Converts the value, or raises ArgumentError or TypeError.
      def call(value) = @convert.call(value)

      # The same, but nil is accepted too; on the command line it is written as that word.
      def or_nil(word = "none")
        nothing = [nil, Float::INFINITY, "", "nil", word]
        Type.new("#{accepts}, or #{word}") { |value| nothing.include?(value.is_a?(Symbol) ? value.to_s : value) ? nil : call(value) }
      end

      class << self
        # An Integer in the range, or a text in decimal.
        def integer(range, unit = nil)
          Type.new(["an integer", bounds(range), *("(#{unit})" if unit)].join(" ")) do |value|
            raise TypeError unless value.is_a?(Integer) || value.is_a?(String)

            number = value.is_a?(String) ? Integer(value, 10) : value
            # More would not fit into the native core's numbers.
            number.bit_length < 63 ? within(range, number) : raise(ArgumentError)
          end
        end

        # A count of bytes; a text may have a unit.
        def size
          units = { "K" => 1024, "M" => 1024**2, "G" => 1024**3 }
          Type.new("a number of bytes of at least 1, also with a unit (512M)") do |value|
            raise TypeError unless value.is_a?(Integer) || value.is_a?(String)

            digits, unit = value.to_s.match(/\A(\d+) *([KMG]?)(?:i?B)?\z/i)&.captures
            within(1.., Integer(digits, 10) * units.fetch(unit.upcase, 1))
          end
        end

        # A duration above zero, or also zero where that means "not at all".
        def seconds(zero: false)
          Type.new("a number of seconds #{zero ? "from" : "above"} 0, at most #{YEAR}") do |value|
            number = Integer(value.to_s, 10, exception: false) || Float(value)
            raise ArgumentError if number.zero? && !zero

            within(0..YEAR, number)
          end
        end

        # How long to wait: seconds, or words for none and for any number of them.
        def patience
          words = { "immediately" => 0, "forever" => nil }
          seconds = seconds(zero: true)
          Type.new("#{seconds.accepts}, or #{words.keys.join(" or ")}") do |value|
            value.nil? ? nil : words.fetch(value.to_s) { seconds.call(value) }
          end
        end

        # nil is a variable that is not set: false, as for Puma.
        def boolean
          Type.new("true or false") { |value| !value.nil? && TRUTH.fetch(value.to_s) { raise ArgumentError } }
        end

        # The same, or that word.
        def flag_or(word)
          flag = boolean
          Type.new("#{flag.accepts}, or #{word}") { |value| value.to_s == word ? word : flag.call(value) }
        end

        # A String, Symbol or path.
        def text
          Type.new("a text") do |value|
            value = value.to_path if value.respond_to?(:to_path)
            raise TypeError unless value.is_a?(String) || value.is_a?(Symbol)

            value.to_s.empty? || value.to_s.include?("\0") ? raise(ArgumentError) : value.to_s
          end
        end

        # A directory to write to.
        def directory
          path = text
          Type.new("a directory that exists and can be written to") do |value|
            path.call(value).tap { |found| File.directory?(found) && File.writable?(found) or raise ArgumentError }
          end
        end

        # Paths of directories: an Array, or a text with commas.
        def paths
          path = text
          Type.new("a list of directories") do |value|
            Array(value.is_a?(String) ? value.split(/,+/) : value).map { |item| path.call(item) }
          end
        end

        # Where the app is mounted, as Rack wants it.
        def mount_point
          Type.new("a path without a slash at its end, or nothing") do |value|
            %r{\A(/[^\s?#]*[^\s?#/])?\z}.match?(value) ? value : raise(ArgumentError)
          end
        end

        # One of the words.
        def word(*words)
          Type.new(words.join(" or ")) { |value| words.find { |word| word == value.to_s } or raise ArgumentError }
        end

        # Request methods: an Array, or a text with commas.
        def methods_list
          Type.new("a list of request methods in capitals") do |value|
            list = value.is_a?(String) ? value.split(/[\s,]+/) : Array(value).map(&:to_s)
            list.any? && list.all?(METHOD) ? list : raise(ArgumentError)
          end
        end

        # `same`, `any`, or origins: an Array, or a text with commas.
        def origins
          Type.new("same, any, or a list of origins like https://example.com") do |value|
            list = Array(value.is_a?(String) ? value.split(/[\s,]+/) : value).map(&:to_s)
            [%w[same], %w[any]].include?(list) || list.any? && list.all?(ORIGIN) ? list : raise(ArgumentError)
          end
        end

        # What a line of the access log looks like. The native core knows the directives.
        def log_format
          names = %w[puma common combined json]
          Type.new("#{names.join(", ")}, or a line with directives like %h") do |value|
            next value.to_s if names.include?(value.to_s)
            raise TypeError unless value.is_a?(String)

            value.tap { Native.check_log_format(value) }
          rescue ArgumentError => error
            raise ConfigError, "access_log_format: #{error.message}"
          end
        end

        # Anything that can be called with a Rack env.
        def app
          responder(:call, "an object with the method call")
        end

        # A count of processes, or `auto`.
        def workers
          count = integer(0..1024)
          Type.new("#{count.accepts}, or auto") do |value|
            next 0 if value.nil? || value == ""

            value.to_s == "auto" ? Processors.available : count.call(value)
          end
        end

        # File permissions in octal digits.
        def permission
          Type.new("octal digits like 0640") { |value| within(PERMISSIONS, value.is_a?(Integer) ? value : Integer(value, 8)) }
        end

        # An object with that method.
        def responder(method, words)
          Type.new(words) { |value| value.respond_to?(method) ? value : raise(TypeError) }
        end

        # An Array of whatever the words say.
        def list(words)
          Type.new("a list of #{words}") { |value| Array(value) }
        end

        # Where the address of a client comes from.
        def remote_address
          Type.new("socket, header:NAME, proxy_protocol:v1, proxy_protocol:v2 or an address") do |value|
            next value.to_s if value.to_s.match?(/\Aproxy_protocol:v[12]\z/)
            raise ArgumentError if value.to_s.start_with?("proxy_protocol")

            header = value.to_s[/\Aheader:[\w-]+\z/]
            next header.downcase if header

            value.to_s.match?(/\A[\w.:]*[\w.]\z/) ? value.to_s : raise(ArgumentError)
          end
        end

        # Blocks for moments of the server's life.
        def hooks
          Type.new("the blocks of a configuration file") { |value| value.is_a?(Hooks) ? value : raise(TypeError) }
        end

        # An address for operators, or one of the words: a port alone is one of the loopback interface.
        def inner_address(*words)
          Type.new([*words, "a port of 127.0.0.1", Bind::ACCEPTS].join(", ")) do |value|
            next value if words.include?(value)

            port = value.to_s[LOOPBACK_PORT, 1]
            address = port ? "tcp://127.0.0.1:#{port}" : value
            address.tap { Bind.parse(address) }
          rescue ConfigError
            # What is wrong with a parameter is told there.
            raise if value.to_s.start_with?("ssl:")

            raise ArgumentError
          end
        end

        # What stands in a query as it is.
        def token
          Type.new("printable characters but & ; # and quotes") do |value|
            value.to_s.match?(/\A[!$%(-:<-~]+\z/) ? value.to_s : raise(ArgumentError)
          end
        end

        # A list of addresses to listen on.
        def binds
          Type.new(Bind::ACCEPTS) { |value| Array(value).each { |address| Bind.parse(address) } }
        end

        private

        def within(range, number) = range.cover?(number) ? number : raise(ArgumentError)

        def bounds(range) = range.end ? "from #{range.begin} to #{range.end}" : "of at least #{range.begin}"
      end
    end
  end
end
