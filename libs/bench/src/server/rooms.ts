const nobody: ReadonlySet<never> = new Set<never>();

/** Who has which topic, for servers that bring no rooms of their own. */
export class Rooms<Client extends object> {
  private readonly rooms = new Map<number, Set<Client>>();

  join(topic: number, client: Client): void {
    let room = this.rooms.get(topic);
    if (!room) this.rooms.set(topic, (room = new Set()));
    room.add(client);
  }

  leave(client: Client): void {
    for (const room of this.rooms.values()) room.delete(client);
  }

  of(topic: number): ReadonlySet<Client> {
    return this.rooms.get(topic) ?? nobody;
  }
}

/** The topic at the end of the URL, `/events/7` or `/events?topic=7`. */
export function topicOf({ url }: { readonly url?: string | undefined }): number {
  return Number(/\d+$/.exec(url!)![0]);
}
