import { defineEntity, p } from '@mikro-orm/postgresql';

export const Order = defineEntity({
  name: 'Order',
  tableName: 'orders',
  properties: { id: p.integer().primary(), status: p.string() },
});
