import { connect, type PushClient } from 'nestjs-push-client';
import type { Status, Topics } from './order.js';

export function connectTo(url: string): PushClient<Topics> {
  return connect<Topics>(`${url}/push`);
}

export function trackOrder(push: PushClient<Topics>, id: string, show: (status: Status) => void) {
  return push.on(`orders.${id}`, ({ status }) => show(status));
}
