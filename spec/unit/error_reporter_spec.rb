# frozen_string_literal: true

require "iodine_rs"
require "stringio"

RSpec.describe IodineRs::ErrorReporter do
  let(:err) { StringIO.new }
  let(:development) { false }
  let(:reporter) { described_class.new(IodineRs::Log.new(out: nil, err:), development:) }
  let(:env) do
    { "REQUEST_METHOD" => "GET", "PATH_INFO" => "/path", "QUERY_STRING" => "", "REMOTE_ADDR" => "127.0.0.1" }
  end

  def raised(exception)
    raise exception
  rescue Exception => error
    error
  end

  describe "the log" do
    it "names the request, the exception and where it was raised" do
      reporter.call(raised(RuntimeError.new("boom")), env, 500)
      title, frame = err.string.lines
      expect(title).to match(/\A[-\d]{10} [:\d]{8} [+-]\d{4} Rack app /)
      expect(title).to end_with(%{ Rack app ("GET /path" - (127.0.0.1)): #<RuntimeError: boom>\n})
      expect(frame).to match(/\A    #{__FILE__}:\d+:in .*raised'\n/)
    end

    it "has the query, and the address a proxy reports" do
      reporter.call(raised("boom"), env.merge("QUERY_STRING" => "a=1", "HTTP_X_FORWARDED_FOR" => "192.0.2.1"), 500)
      expect(err.string).to include('Rack app ("GET /path?a=1" - (192.0.2.1)): #<RuntimeError: boom>')
    end

    it "works without a request" do
      reporter.call(raised("boom"), nil, 500)
      expect(err.string).to include("Rack app: #<RuntimeError: boom>\n")
    end

    it "says what raised when it was not the app itself" do
      reporter.report(raised("boom"), env, "body.close")
      expect(err.string).to include('Rack app ("GET /path" - (127.0.0.1)): #<RuntimeError: boom> in body.close')
    end

    it "has the causes" do
      error = begin
        begin
          raise ArgumentError, "inner"
        rescue ArgumentError
          raise "outer"
        end
      rescue RuntimeError => e
        e
      end
      reporter.report(error, env)
      expect(err.string).to match(/#<RuntimeError: outer>.*  caused by #<ArgumentError: inner>\n    #{__FILE__}/m)
    end

    it "mixes any encodings" do
      reporter.report(raised("b\xf6se".b), env.merge("PATH_INFO" => "/\xfc".b))
      reporter.report(raised("b\u00f6se"), env.merge("PATH_INFO" => "/\xc3\xb6".b))
      expect(err.string).to include("GET /\u00f6").and include("#<RuntimeError: b\u00f6se>")
    end
  end

  describe "the response" do
    it "is empty plain text" do
      expect(reporter.call(raised("secret"), env, 503)).to eq([503, { "content-type" => "text/plain" }, []])
    end

    context "in development" do
      let(:development) { true }

      it "shows the message and the backtrace" do
        status, headers, body = reporter.call(raised("boom"), env, 500)

        expect([status, headers["content-type"]]).to eq([500, "text/plain; charset=utf-8"])
        expect(body.join).to match(/\Aiodine-rs caught this error: boom \(RuntimeError\)\n#{__FILE__}:\d+/)
      end

      it "is a page, with everything escaped, for a browser" do
        browser = env.merge("HTTP_ACCEPT" => "text/html,*/*")
        _, headers, body = reporter.call(raised("<script>alert('x')</script>"), browser, 500)

        expect(headers["content-type"]).to eq("text/html; charset=utf-8")
        expect(body.join).to include("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; (RuntimeError)")
        expect(body.join).not_to include("<script>")
      end

      it "gives a hint where it has one" do
        expect(reporter.call(raised(SystemExit.new), env, 500).last.join).to include("called exit or abort")
        expect(reporter.call(raised(LoadError.new("nope")), env, 500).last.join).to include("bundle install")
      end

      it "passes Rack::Lint" do
        require "rack"
        app = Rack::Lint.new(->(request) { reporter.call(raised("boom"), request, 500) })
        expect(Rack::MockRequest.new(app).get("/", "HTTP_ACCEPT" => "text/html").status).to eq(500)
      end
    end
  end

  describe "exceptions of every kind" do
    nasty = Class.new(StandardError) do
      def message = raise("no message for you")
      def backtrace = raise("nor a backtrace")
      def self.name = raise("nor a name")
    end

    [SystemExit.new, SignalException.new("TERM"), Interrupt.new, NoMemoryError.new, SystemStackError.new("deep"),
     UncaughtThrowError.allocate, IodineRs::AppError.new("a response has three parts"), nasty.new].each do |exception|
      it "#{exception.class.inspect} is logged and answered" do
        log = IodineRs::Log.new(out: nil, err:)
        [true, false].each do |development|
          expect(described_class.new(log, development:).call(exception, env, 500).first).to eq(500)
        end
        expect(err.string.scan('Rack app ("GET /path" - (127.0.0.1)): ').size).to eq(2)
      end
    end
  end

  it "answers although the log is broken" do
    log = Object.new.tap { |object| def object.error(*) = raise(NoMemoryError) }
    expect(described_class.new(log, development: false).call(raised("boom"), env, 500).first).to eq(500)
  end
end
