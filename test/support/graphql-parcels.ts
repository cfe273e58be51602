import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import {
  Args,
  Field,
  GraphQLModule,
  ID,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { PushModule, topic, type PushEvent } from 'nestjs-push';
import { PushPubSub } from 'nestjs-push/graphql';

declare module 'nestjs-push' {
  interface PushTopics {
    'parcels.*': { place: string };
  }
}

@ObjectType()
export class Parcel {
  @Field()
  place!: string;

  @Field(() => ID, { nullable: true, description: 'Subscribe after it.' })
  position?: string;
}

@ObjectType()
export class ParcelMoved {
  @Field(() => ID, { nullable: true, description: 'Subscribe after it to get what follows.' })
  id?: string;

  @Field()
  place!: string;
}

@Resolver()
export class ParcelsResolver {
  private readonly places = new Map<string, string>();

  constructor(private readonly pubSub: PushPubSub) {}

  @Query(() => Parcel)
  parcel(@Args('number') number: string): Parcel {
    // Taken first: what happens while the state is loaded comes after it.
    const { position } = this.pubSub;
    return { place: this.places.get(number) ?? 'nowhere', position };
  }

  @Mutation(() => Boolean)
  async moveParcel(@Args('number') number: string, @Args('place') place: string): Promise<boolean> {
    this.places.set(number, place);
    await this.pubSub.publish(topic<'parcels.*'>`parcels.${number}`, { place });
    return true;
  }

  @Subscription(() => ParcelMoved, {
    resolve: ({ id, data }: PushEvent<{ place: string }>) => ({ id, place: data.place }),
  })
  parcelMoved(
    @Args('number') number: string,
    @Args('after', { type: () => ID, nullable: true }) after?: string,
  ) {
    return this.pubSub.asyncIterableIterator(topic<'parcels.*'>`parcels.${number}`, { after });
  }
}

@Module({
  imports: [
    PushModule.forRoot(),
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      subscriptions: { 'graphql-ws': true },
    }),
  ],
  providers: [PushPubSub, ParcelsResolver],
})
export class ParcelsModule {}
