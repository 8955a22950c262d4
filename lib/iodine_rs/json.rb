# frozen_string_literal: true

module IodineRs
  # Writes JSON. The gem would be loaded into the master, and pin the version that the app of a later phase gets.
  module Json
    ESCAPES = { '"' => '\"', "\\" => "\\\\", "\n" => '\n', "\r" => '\r', "\t" => '\t' }.freeze
    private_constant :ESCAPES

    # @param value [Hash, Array, String, Symbol, Numeric, true, false, nil]
    # @return [String]
    # @raise [TypeError] for anything else
    def self.generate(value)
      case value
      when Hash then "{#{value.map { |key, item| "#{text(key.to_s)}:#{generate(item)}" }.join(",")}}"
      when Array then "[#{value.map { |item| generate(item) }.join(",")}]"
      when String, Symbol then text(value.to_s)
      when nil then "null"
      when Integer, Float, true, false then value.to_s
      else raise TypeError, "no JSON for #{value.class}"
      end
    end

    def self.text(string)
      "\"#{string.encode("UTF-8", invalid: :replace, undef: :replace).scrub.gsub(/["\\\x00-\x1f]/) { |char| ESCAPES[char] || format('\u%04x', char.ord) }}\""
    end
    private_class_method :text
  end
end
