/** The answer that every page shows: the newest one. Its words are in the topic `answers.<id>`. */
export interface Answer {
  readonly id: string;
  readonly question: string;
}

declare module 'nestjs-push' {
  interface PushTopics {
    answer: Answer;
    'answers.*': string;
  }
}
