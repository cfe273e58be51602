/** The part of class-transformer's storage that is read here: the package has no types for the file. */
declare module 'class-transformer/cjs/storage.js' {
  /** The metadata of `@Type()`. */
  interface TypeMetadata {
    readonly typeFunction?: () => unknown;
    readonly options?: {
      readonly discriminator?: {
        readonly property: string;
        readonly subTypes: readonly {
          readonly value: import('@nestjs/common').Type<object>;
          readonly name: string;
        }[];
      };
    };
  }

  export const defaultMetadataStorage: {
    findTypeMetadata(target: unknown, property: string): TypeMetadata | undefined;
    findExposeMetadata(
      target: unknown,
      property: string,
    ): { readonly options?: { readonly name?: string } } | undefined;
    findTransformMetadatas(target: unknown, property: string, kind: number): readonly unknown[];
  };
}
