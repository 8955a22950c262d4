# frozen_string_literal: true

require "fileutils"
require "json"
require "yaml"

# Puma's own tests, from a checkout of it (https://github.com/puma/puma, tag v8.0.2), against this server. They run in a
# copy of its test directory, whose bin/puma is ours; spec/third_party/puma has what is ours of it.
class PumaSuite
  OURS = File.expand_path("../spec/third_party/puma", __dir__)
  LEFT_OUT = YAML.load_file("#{OURS}/skips.yml").fetch("files").flat_map { |entry| entry["names"] }
  LIB = File.expand_path("../lib", __dir__)
  TREE = File.expand_path("../tmp/puma_suite", __dir__)
  RESULTS = "#{TREE}/results.jsonl".freeze
  # Seconds that one file may take.
  LIMIT = 600

  def initialize(checkout)
    @checkout = checkout
  end

  # Names in test/.
  def files = Dir.children("#{@checkout}/test").grep(/\Atest_.*\.rb\z/).sort - LEFT_OUT

  # Runs them, and once more those that have failed: many measure time, and a busy machine has none (Puma's own CI does
  # the same).
  #
  # @return [Boolean] whether none failed in the end
  def run(files)
    build_tree
    files.each { |file| run_file(file) }
    again = failed
    again.group_by { |result| result["file"] }.each { |file, results| run_file(file, results.map { |result| result["name"][/#(.*)/, 1] }) }
    report(again)
    failed.empty?
  end

  private

  def build_tree
    FileUtils.rm_rf(TREE)
    FileUtils.mkdir_p("#{TREE}/lib")
    FileUtils.cp_r(["#{@checkout}/test", "#{@checkout}/examples", "#{OURS}/bin"], TREE)
    FileUtils.touch(RESULTS)
  end

  # The last result of each test.
  def results = File.readlines(RESULTS).map { |line| JSON.parse(line) }.to_h { |result| [result["name"], result] }.values

  def failed = results.select { |result| result["end"] == "failed" }

  # @param names [Array<String>] those to run, all where there are none
  def run_file(file, names = [])
    puts "== #{[file, *names].join(" ")}"
    environment = { "PUMA_SUITE_RESULTS" => RESULTS, "PUMA_SUITE_FILE" => file, "IODINE_RS_LIB" => LIB, "RUBYOPT" => nil, "RACK_ENV" => nil }
    command = [RbConfig.ruby, "-I#{LIB}", "-r", "#{OURS}/adapter", "test/#{file}"]
    command.push("-n", "/\\A(#{names.join("|")})\\z/") if names.any?
    pid = Process.spawn(environment, *command, chdir: TREE, pgroup: true, in: File::NULL, %i[out err] => ["#{TREE}/#{file}.log", "a"])
    wait(pid) or warn "#{file}: not finished after #{LIMIT} s"
  end

  def wait(pid)
    Process.detach(pid).join(LIMIT)
  ensure
    begin
      Process.kill("KILL", -pid)
    rescue Errno::ESRCH, Errno::EPERM
      nil
    end
  end

  def report(again)
    failed.each { |result| puts "#{result["name"]}: #{result["message"]}\n\n" }
    puts "at the second try: #{(again.map { |result| result["name"] } - failed.map { |result| result["name"] }).join(", ")}" if again.any?
    puts results.map { |result| result["end"] }.tally.map { |name, count| "#{count} #{name}" }.join(", ")
  end
end

desc "Run the tests of a checkout of Puma (PUMA=path, tag v8.0.2) against this server; FILES=a,b for some of them"
task(puma_suite: :compile) do
  suite = PumaSuite.new(ENV["PUMA"] || abort("rake puma_suite PUMA=path/to/a/checkout/of/puma"))
  abort "some failed; their output is in #{PumaSuite::TREE}" unless suite.run(ENV["FILES"]&.split(",") || suite.files)
end
