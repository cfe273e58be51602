import { connect, type PushClient, type Stop } from 'nestjs-push-client';
import type { Line, Topics } from './line.js';

export function connectAs(url: string, token: string): PushClient<Topics> {
  return connect<Topics>(`${url}/push`, { token: () => token });
}

export function joinRoom(push: PushClient<Topics>, room: string, show: (line: Line) => void): Stop {
  return push.on(`rooms.${room}`, show);
}

export async function say(push: PushClient<Topics>, room: string, text: string): Promise<void> {
  await push.publish(`rooms.${room}`, { text });
}
