import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.js';
import { nchanModule } from '../server/nchan-module.js';
import type { BenchServer } from '../server/contract.js';
import { footprintOf } from '../server/footprint.js';

/* nginx with nchan, one worker on the core of this process, which publishes to it by pipelined POST requests. */

const configuration = (directory: string, port: number) => `
load_module ${nchanModule()};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${directory}/pid;
error_log ${directory}/error.log;
events { worker_connections 19000; }
http {
  access_log off;
  nchan_shared_memory_size 512M;
  nchan_message_buffer_length 20000;
  keepalive_requests 1000000000;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/events/(\\d+)$ {
      nchan_subscriber eventsource;
      nchan_channel_id $1;
      nchan_subscriber_first_message newest;
    }
    location = /events {
      nchan_subscriber websocket;
      nchan_channel_id $arg_topic;
      nchan_subscriber_first_message newest;
    }
    location ~ ^/publish/(\\d+)$ {
      nchan_publisher http;
      nchan_channel_id $1;
    }
  }
}
`;

export async function start(): Promise<BenchServer> {
  const directory = mkdtempSync(join(tmpdir(), 'nchan-'));
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, configuration(directory, port));
  const nginx = spawn('nginx', ['-p', directory, '-c', file], { stdio: 'ignore' });
  process.once('exit', () => {
    nginx.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  const publisher = await connected(port);
  publisher.resume();
  return {
    port,
    footprint: () => footprintOf(childrenOf(nginx.pid!)),
    publish(event, topic) {
      const body = JSON.stringify(event);
      const head = `POST /publish/${topic} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
      publisher.write(head + body, 'latin1');
    },
  };
}

/** nginx takes a moment. */
async function connected(port: number): Promise<Socket> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Promise<Socket>((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', noDelay: true });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      });
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}
