# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"
require_relative "support/request_env"
require_relative "support/uploads"

RSpec.describe "The life of an env" do
  include RequestEnv
  include Uploads

  describe "is its request's own" do
    rackup = <<~'RUBY'
      spoil = lambda do |env|
        env.each_value { |value| value << "spoilt" if (value.is_a?(String) || value.is_a?(Array)) && !value.frozen? }
        env["app.key"] = "left behind"
        env.delete("rack.input")
        env.delete("SERVER_NAME")
        env.default = "a default"
        env.compare_by_identity if env["QUERY_STRING"].start_with?("identity")
        [200, {}, ["spoilt"]]
      end
      # Objects that cannot be marshalled are there by their class.
      read = lambda do |env|
        plain = env.transform_values { |value| [String, Array, TrueClass, FalseClass].include?(value.class) ? value : value.class.to_s }
        [200, {}, [Marshal.dump([env.default, plain])]]
      end
      run ->(env) { env["PATH_INFO"] == "/spoil" ? spoil.call(env) : read.call(env) }
    RUBY

    let(:server) { ServerProcess.shared(:lifetime, app: rackup) }
    let(:plain) { head("/plain?q", "X-A: a") }

    # Everything but the times that the request took.
    def read(sock)
      default, env = Marshal.load(sock.request(plain).body)
      [default, env.except("puma.request_body_wait", "iodine_rs.queue_time")]
    end

    {
      "strings changed in place" => "/spoil?q",
      "an env made to compare by identity" => "/spoil?identity",
      "headers of another request" => "/spoil?h"
    }.each do |what, target|
      it "#{what} leave no trace, neither on the connection nor on another one" do
        sock = server.connect
        before = read(sock)
        expect(sock.request(head(target, "X-Other: o", "Cookie: secret", "Content-Type: text/x")).body).to eq "spoilt"
        expect(read(sock)).to eq before
        expect(read(other = server.connect)).to eq before
      ensure
        [sock, other].compact.each(&:close)
      end
    end

    # Few fields and many have templates of different sizes, and more than a hundred another parser.
    it "has exactly the fields of its request, few or many, whatever came before on the connection" do
      sock = server.connect
      [0, 101, 1, 2, 29, 30, 31, 32, 33, 62, 63, 64, 98, 99, 100, 0].each do |count|
        fields = Array.new(count) { |i| ["X-F#{i}", "#{i} of #{count}"] }
        _, env = Marshal.load(sock.request(head("/plain", *fields.map { |field| field.join(": ") })).body)
        expected = fields.to_h { |name, value| ["HTTP_#{name.tr('-', '_')}", value] }
        expect(env.select { |key, _| key.start_with?("HTTP_") }).to eq({ "HTTP_HOST" => "example.org", **expected })
        sock.request(head("/spoil", *fields.map { |field| field.join(": ") }))
      end
    ensure
      sock&.close
    end

    it "has no default, and is an ordinary unfrozen Hash" do
      expect(read(sock = server.connect).first).to be_nil
    ensure
      sock&.close
    end

    it "what a client sent may be changed in place, as old middleware does" do
      server = serve(<<~'RUBY')
        run lambda { |env|
          %w[PATH_INFO QUERY_STRING REQUEST_URI HTTP_X_A].each { |key| env[key].force_encoding("UTF-8") << "!" }
          [200, {}, [env["PATH_INFO"], env["QUERY_STRING"], env["HTTP_X_A"]]]
        }
      RUBY
      2.times { expect(Http.get(server, "/p?q", { "x-a" => "a" }).body).to eq "/p!q!a!" }
    end
  end

  describe "outlives the response (row 291)" do
    table = AppTable.new(
      {
        "keep" => 'KEPT << env; [200, {}, ["kept"]]',
        "look" => <<~RUBY,
          GC.start
          env = KEPT.pop
          env["later"] = 1
          [200, {}, [[env["PATH_INFO"], env["HTTP_X_A"], env["REMOTE_ADDR"], env["rack.hijack"].respond_to?(:call), env["rack.errors"].respond_to?(:puts)].inspect]]
        RUBY
        "hijack late" => <<~RUBY,
          outcome = begin
            KEPT.pop["rack.hijack"].call.class.to_s
          rescue StandardError => error
            "raised " + error.class.to_s
          end
          [200, {}, [outcome]]
        RUBY
        "read late" => <<~RUBY
          input = KEPT.pop["rack.input"]
          outcome = Thread.new do
            input.read.bytesize.to_s
          rescue IOError => error
            "IOError"
          end
          [200, {}, [outcome.join(5) ? outcome.value : "hangs"]]
        RUBY
      }, prelude: "KEPT = Thread::Queue.new"
    )

    let(:server) { ServerProcess.shared(:kept_env, app: table.rackup) }

    it "can be read and changed by a later request" do
      expect(Http.get(server, table.path("keep"), { "x-a" => "a" }).body).to eq "kept"
      expect(Http.get(server, table.path("look")).body).to eq '["/keep", "a", "127.0.0.1", true, true]'
    end

    it "row 292: input kept in memory is readable or closed, never a hang" do
      Http.post(server, table.path("keep"), "12345")
      expect(Http.get(server, table.path("read late")).body).to eq("5").or eq("IOError")
    end

    it "row 292: input kept in a file is readable or closed, never a hang" do
      Http.post(server, table.path("keep"), "b" * 300_000)
      expect(Http.get(server, table.path("read late")).body).to eq("300000").or eq("IOError")
    end

    it "a hijack after the response raises instead of handing out a foreign socket" do
      Http.get(server, table.path("keep"))
      expect(Http.get(server, table.path("hijack late")).body).to start_with("raised ")
    end
  end
end
