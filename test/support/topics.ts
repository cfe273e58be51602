import 'nestjs-push';

/** Tests publish to topics of all kinds: what `src/` does not declare carries anything. */
declare module 'nestjs-push' {
  interface PushTopics {
    '>': unknown;
  }
}
