import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Knex } from 'knex';
import type { Kysely } from 'kysely';
import type { OutboxTransaction } from 'nestjs-push/outbox';
import type { Pool } from 'pg';
import type { Sql } from 'postgres';
import type { DataSource } from 'typeorm';
import type { Tables } from './kysely.example.js';
import type { PrismaClient } from './prisma.client.js';

interface Wrong {
  readonly pool: Pool;
  readonly dataSource: DataSource;
  readonly prisma: PrismaClient;
  readonly drizzle: NodePgDatabase;
  readonly kysely: Kysely<Tables>;
  readonly knex: Knex;
  readonly sql: Sql;
}

/** The compiler checks it: what begins transactions is no `OutboxTransaction`. */
export const refusedTypes: {
  [Name in keyof Wrong]: Wrong[Name] extends OutboxTransaction ? 'accepted' : 'refused';
} = {
  pool: 'refused',
  dataSource: 'refused',
  prisma: 'refused',
  drizzle: 'refused',
  kysely: 'refused',
  knex: 'refused',
  sql: 'refused',
};
