# frozen_string_literal: true

# Loads the extension: the one built for this minor version of Ruby (binary gems), else the one `rake compile` built.
versioned = "iodine_rs/#{RUBY_VERSION[/\A\d+\.\d+/]}/iodine_rs"
begin
  require versioned
rescue LoadError => missing
  # One that is there and cannot be loaded has a message of its own.
  raise unless missing.path == versioned

  begin
    require "iodine_rs/iodine_rs"
  rescue LoadError => error
    raise LoadError, "the native part of iodine-rs is not compiled (#{error.message}); " \
                     "run `rake compile` in a checkout, or `gem pristine iodine-rs` for an installed gem"
  end
end
