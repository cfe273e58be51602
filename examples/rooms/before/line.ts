export interface Line {
  readonly author: string;
  readonly text: string;
}
