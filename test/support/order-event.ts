const states = ['created', 'paid', 'packed', 'shipped', 'delivered'];

/** What an order looks like after a change: about 300 bytes as JSON, of which most is the same for all orders. */
export function orderEvent(number: number) {
  return {
    orderId: `ord_${(number * 7_919).toString(36).padStart(8, '0')}`,
    status: states[number % states.length],
    customer: { id: 10_000 + ((number * 31) % 977), name: `Customer ${number % 53}`, country: 'DE' },
    items: [{ sku: `SKU-${(number * 17) % 409}`, quantity: 1 + (number % 4), price: 1_999 + (number % 300) }],
    total: 4_000 + ((number * 13) % 5_000),
    currency: 'EUR',
    updatedAt: new Date(1_750_000_000_000 + number * 1_237).toISOString(),
  };
}
