/*
 * Events as applications have them, for what depends on what is in them: compression. Each is made from its number alone, so that a
 * reader knows what has to come.
 */

/** Changes of orders, about 300 bytes as JSON; the words of an answer, one by one. */
export type EventKind = 'orders' | 'tokens';

const states = ['created', 'paid', 'packed', 'shipped', 'delivered'];

function order(number: number): object {
  return {
    orderId: `ord_${(number * 7_919).toString(36).padStart(8, '0')}`,
    status: states[number % states.length],
    customer: { id: 10_000 + ((number * 31) % 977), name: `Customer ${number % 53}`, country: 'DE' },
    items: [{ sku: `SKU-${(number * 17) % 409}`, quantity: 1 + (number % 4), price: 1_999 + (number % 300) }],
    total: 4_000 + ((number * 13) % 5_000),
    currency: 'EUR',
    updatedAt: new Date(1_750_000_000_000 + number * 1_237).toISOString(),
    note: 'Leave it with the neighbours',
  };
}

const words =
  'a about after all also an and any are as at be because been but by can could do even for from get go good has have he her him his how I if in into is it its just know like look make me more most my new no not now of on one only or other our out over people say see she should so some such than that the their them then there these they think this time to two up use very want was way we well what when which who will with work would you your'.split(
    ' ',
  );

function token(number: number): object {
  // The order of the words is that of a linear congruence, in which none follows another regularly.
  const word = words[(Math.imul(number, 1_664_525) >>> 12) % words.length]!;
  return { type: 'text-delta', id: 'txt-0', delta: ` ${word}` };
}

const kinds: Readonly<Record<EventKind, (number: number) => object>> = { orders: order, tokens: token };

export function applicationEvent(kind: EventKind, number: number): object {
  return kinds[kind](number);
}
