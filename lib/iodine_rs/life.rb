# frozen_string_literal: true

module IodineRs
  # The life of the server that the command or the rackup handler runs in this process, as an app may ask for it.
  module Life
    # Moments that `IodineRs.on_state` knows: before listening, with the app loaded where it is preloaded; around a fork
    # (cluster); in each process that serves; when stopping begins; at the end.
    STATES = %i[pre_start before_fork after_fork enter_child enter_master on_start on_parent_crush on_child_crush
                start_shutdown on_finish].freeze

    @blocks = Hash.new { |blocks, name| blocks[name] = [] }

    class << self
      # The running server's options; nil where none runs.
      attr_reader :options

      # Remembers the block for that moment; returns it.
      #
      # @raise [TypeError] for an unknown moment
      def on(name, &block)
        raise TypeError, "unknown event in IodineRs.on_state: #{name.inspect}" unless STATES.include?(name&.to_sym)
        raise LocalJumpError, "no block given" unless block

        @blocks[name.to_sym] << block
        block
      end

      # Runs what was left for that moment; an exception is printed and ends nothing.
      def enter(name)
        @blocks[name].each do |block|
          block.call
        rescue StandardError, ScriptError => error
          warn "on_state(#{name.inspect}): #{error.full_message(highlight: false)}"
        end
      end

      # A launcher begins to serve, as the first process or as one of its workers.
      def begin(launcher, options, role: :single)
        @launcher = launcher
        @options = options
        @role = role
      end

      # It has ended.
      def end = @launcher = @options = @role = nil

      def running? = !@launcher.nil?
      def master? = %i[single master].include?(@role)
      def worker? = %i[single worker].include?(@role)

      # Figures of the running server, or of this worker; empty where none runs.
      def stats = @launcher&.stats || {}

      # Finishes what has begun, then ends the server.
      def stop = @launcher&.stop
    end
  end
end
