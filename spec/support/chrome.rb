# frozen_string_literal: true

require "json"
require "net/http"
require "socket"
require_relative "eventually"

# A headless Chromium, driven by chromedriver over the WebDriver protocol (W3C).
class Chrome
  # Keys that an element has in WebDriver's answers.
  ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
  OPTIONS = { "args" => %w[--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage] }.freeze
  private_constant :ELEMENT, :OPTIONS

  class Failed < StandardError; end

  def self.available? = system("chromedriver --version", out: File::NULL, err: File::NULL)

  # Yields a browser and ends it.
  def self.open
    chrome = new
    yield chrome
  ensure
    chrome&.quit
  end

  def initialize
    @port = TCPServer.open("127.0.0.1", 0) { |server| server.local_address.ip_port }
    @pid = Process.spawn("chromedriver", "--port=#{@port}", %i[out err] => File::NULL, pgroup: true)
    wait_until_ready
    capabilities = { "alwaysMatch" => { "browserName" => "chrome", "goog:chromeOptions" => OPTIONS } }
    @session = "/session/#{request(:post, "/session", capabilities:).fetch("sessionId")}"
  end

  # Opens a page in the present tab.
  def visit(url) = command(:post, "/url", url:)

  # Opens a new tab and goes there; returns it.
  def new_tab
    tab = command(:post, "/window/new", type: "tab").fetch("handle")
    switch_to(tab)
    tab
  end

  def tab = command(:get, "/window")
  def switch_to(tab) = command(:post, "/window", handle: tab)

  # What a script returns.
  def run(script, *args) = command(:post, "/execute/sync", script:, args:)

  # Types into an element, as a person would; "\n" is the return key.
  def type(selector, text)
    element = command(:post, "/element", using: "css selector", value: selector).fetch(ELEMENT)
    command(:post, "/element/#{element}/value", text: text.gsub("\n", "\uE007"))
  end

  def click(selector)
    element = command(:post, "/element", using: "css selector", value: selector).fetch(ELEMENT)
    command(:post, "/element/#{element}/click")
  end

  # The text that a person sees; "" where there is none.
  def text(selector = "body") = run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)

  def quit
    request(:delete, @session) if @session
  rescue Failed, SystemCallError, EOFError
    # It is on its way out.
  ensure
    Process.kill("KILL", -@pid)
    Process.wait(@pid)
  end

  private

  def command(verb, path, **body) = request(verb, "#{@session}#{path}", **body)

  def request(verb, path, **body)
    message = Net::HTTP.const_get(verb.capitalize).new(path, "content-type" => "application/json")
    message.body = JSON.generate(body) if verb == :post
    answer = Net::HTTP.start("127.0.0.1", @port, read_timeout: 30) { |http| http.request(message) }
    value = JSON.parse(answer.body).fetch("value")
    raise Failed, "#{path}: #{value["error"]}: #{value["message"]}" unless answer.is_a?(Net::HTTPOK)

    value
  end

  def wait_until_ready
    limit = Eventually.now + 20
    begin
      request(:get, "/status")
    rescue SystemCallError
      raise if Eventually.now > limit

      sleep Eventually::INTERVAL
      retry
    end
  end
end
