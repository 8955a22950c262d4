# frozen_string_literal: true

require "optparse"
require_relative "scenario"
require_relative "server_list"

module Bench
  # How long and how often: +repeats+ is how many more times a disturbed round may be played.
  Pace = Data.define(:rounds, :seconds, :warm_up, :repeats) do
    def to_s
      "median of #{rounds} rounds of #{seconds} s, each after #{warm_up} s of warm-up; servers in turn, " \
        "started anew for every round"
    end
  end

  # What the command line asks for.
  Options = Data.define(:scenarios, :servers, :files, :threads, :pace, :output) do
    def self.parse(arguments)
      chosen = { scenarios: Scenario.names, servers: nil, files: [], threads: nil,
                 output: File.join(ROOT, "bench/results") }
      pace = { rounds: 5, seconds: 5, warm_up: 1, repeats: 3 }
      parser(chosen, pace).parse(arguments)
      new(**chosen, pace: Pace.new(**pace))
    rescue OptionParser::ParseError => error
      abort "bench: #{error.message}"
    end

    def self.parser(chosen, pace)
      OptionParser.new("Usage: bench/run [options]") do |parser|
        what_to_run(parser, chosen)
        how_long(parser, pace)
      end
    end

    def self.what_to_run(parser, chosen)
      parser.on("-s", "--scenarios LIST", Array, "of #{Scenario.names.join(",")} (default: all)") do |names|
        chosen[:scenarios] = names
      end
      parser.on("-S", "--servers LIST", Array, "names of the servers files (default: all installed)") do |names|
        chosen[:servers] = names
      end
      parser.on("-f", "--servers-file FILE", "one more servers file; repeatable") { chosen[:files] << _1 }
      parser.on("-t", "--threads N", Integer, "threads, instead of the scenario's; repeatable") do |count|
        (chosen[:threads] ||= []) << count
      end
      parser.on("-o", "--output DIR", "folder of the results (default: bench/results)") { chosen[:output] = _1 }
    end

    def self.how_long(parser, pace)
      parser.on("-n", "--rounds N", Integer, "rounds of every server (default: 5)") { pace[:rounds] = _1 }
      parser.on("-d", "--seconds N", Integer, "length of a round (default: 5)") { pace[:seconds] = _1 }
      parser.on("-w", "--warm-up N", Integer, "seconds before each round (default: 1)") { pace[:warm_up] = _1 }
      parser.on("-r", "--repeats N", Integer, "repeats of a disturbed round (default: 3)") { pace[:repeats] = _1 }
    end
    private_class_method :parser, :what_to_run, :how_long
  end
end
