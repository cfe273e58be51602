export interface Price {
  readonly symbol: string;
  readonly price: number;
}
