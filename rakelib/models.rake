# frozen_string_literal: true

MODELS = "ext/iodine_core/models"

desc "Run the hand-off in many orders of its steps (shuttle); MODEL_ORDERS=2000 of each sort and model"
task :models do
  sh({ "RUSTFLAGS" => "--cfg shuttle" }, "cargo", "test", "--lib", "--locked", "--manifest-path", "#{MODELS}/Cargo.toml", "--target-dir", "tmp/models", "models")
end
