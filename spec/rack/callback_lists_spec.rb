# frozen_string_literal: true

require "spec_helper"
require_relative "support/app_table"

# The server looks for these entries in front of the env, where it has put them. Apps may put them anywhere.
RSpec.describe "What an app may do with the lists of callbacks" do
  # row => an app that has `note` called once by each list
  rows = {
    "add to them" => 'lists.each { |key| env[key] << note }; [200, {}, ["a"]]',
    "replace them" => 'lists.each { |key| env[key] = [note] }; [200, {}, ["a"]]',
    "delete and set them" => 'lists.each { |key| env.delete(key); env[key] = [note] }; [200, {}, ["a"]]',
    "set them in another order" => 'lists.reverse_each { |key| env[key] = env.delete(key) << note }; [200, {}, ["a"]]',
    "delete what is in front of them" => 'lists.each { |key| env[key] << note }; env.delete("rack.upgrade?"); [200, {}, ["a"]]',
    "keep nothing else" => 'lists.each { |key| env[key] << note }; env.select! { |key, _| lists.include?(key) }; [200, {}, ["a"]]',
    "keep nothing at all" => 'env.clear; lists.each { |key| env[key] = [note] }; [200, {}, ["a"]]',
    "become another Hash" => 'env.replace(lists.to_h { |key| [key, [note]] }); [200, {}, ["a"]]',
    "replace them while the body is closed" => '[200, {}, Rack::BodyProxy.new(["a"]) { lists.each { |key| env[key] = [note] } }]',
    "replace them while the body is sent" => '[200, {}, Enumerator.new { |parts| lists.each { |key| env[key] = [note] }; parts << "a" }]',
    "replace one in a callback of the other" =>
      'env[lists[0]] << ->(*) { note.call; env[lists[1]] = [note] }; [200, {}, ["a"]]'
  }
  without = {
    "delete them" => 'lists.each { |key| env.delete(key) }; [200, {}, ["a"]]',
    "empty the env" => 'env.clear; [200, {}, ["a"]]',
    "set them to something else" => 'lists.each { |key| env[key] = nil }; [200, {}, ["a"]]'
  }
  prelude = <<~RUBY
    require "rack"
    NOTES = Hash.new(0)
    LISTS = %w[rack.after_reply rack.response_finished]
  RUBY
  apps = { **rows, **without }.transform_values do |source|
    "lists = LISTS; path = env['PATH_INFO']; note = ->(*) { NOTES[path] += 1 }; #{source}"
  end
  table = AppTable.new({ **apps, "notes" => '[200, {}, [NOTES[env["QUERY_STRING"]].to_s]]' }, prelude:)

  let(:server) { ServerProcess.shared(:callback_lists, app: table.rackup) }

  def notes(path) = Integer(Http.get(server, "/notes?#{path}").body)

  rows.each_key do |name|
    it "#{name}: both run, once" do
      expect(Http.get(server, table.path(name)).body).to eq "a"
      eventually { notes(table.path(name)) == 2 }
      expect(notes(table.path(name))).to eq 2
    end
  end

  without.each_key do |name|
    it "#{name}: none runs, and the client notices nothing" do
      expect(Http.get(server, table.path(name)).body).to eq "a"
      expect(notes(table.path(name))).to eq 0
      expect(server.stderr).to be_empty
    end
  end
end
