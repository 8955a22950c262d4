# frozen_string_literal: true

require "iodine_rs"
require "rackup"
require "rackup/handler/iodine_rs"
require "rbs"

RSpec.describe "sig" do
  root = File.expand_path("../..", __dir__)
  files = Dir.glob("**/*.rb", base: "#{root}/lib")

  files.each do |file|
    it("mirrors lib/#{file}") { expect(File).to exist("#{root}/sig/#{file.sub(/\.rb\z/, ".rbs")}") }
  end

  it "has nothing that lib has not" do
    expect(Dir.glob("**/*.rbs", base: "#{root}/sig")).to match_array(files.map { |file| file.sub(/\.rb\z/, ".rbs") })
  end

  describe "methods" do
    before(:all) do
      loader = RBS::EnvironmentLoader.new
      loader.add(path: Pathname("#{root}/sig"))
      @builder = RBS::DefinitionBuilder.new(env: RBS::Environment.from_loader(loader).resolve_type_names)
    end

    def name_of(mod)
      *outer, name = mod.name.split("::").map(&:to_sym)
      RBS::TypeName.new(name:, namespace: RBS::Namespace.new(path: outer, absolute: true))
    end

    # Names of methods that are written down in lib (Struct's and Kernel's own are not).
    def written(mod)
      names = mod.instance_methods(false) + mod.private_instance_methods(false)
      names.select { |name| mod.instance_method(name).source_location&.first.to_s.include?("/lib/") }
    end

    modules = (IodineRs.constants - %i[Native Stream Hijack TLSAcceptor TLSEngine]).flat_map do |name|
      outer = IodineRs.const_get(name)
      next [] unless outer.is_a?(Module)

      [outer, *outer.constants.map { |inner| outer.const_get(inner) }.grep(Module)]
    end
    modules = modules.select { |mod| mod.name.to_s.start_with?("IodineRs::") }.uniq

    modules.each do |mod|
      it "of #{mod} are all there" do
        instance = @builder.build_instance(name_of(mod)).methods.keys
        singleton = @builder.build_singleton(name_of(mod)).methods.keys

        expect(instance).to include(*written(mod))
        expect(singleton).to include(*written(mod.singleton_class))
      end
    end
  end
end
