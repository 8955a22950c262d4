# frozen_string_literal: true

desc "Boot every example, request its front page and see that it does what it shows"
task(examples: :compile) { ruby "-S", "rspec", "spec/examples" }
