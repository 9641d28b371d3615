import { defineConfig } from 'vitest/config';

export default defineConfig({
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  resolve: {
    alias: { 'node:dns': '/src/client/noDns.ts' },
  },
  build: { target: 'es2022', sourcemap: true },
  server: {
    // `npm run dev` shows the page against a running `shoal all`.
    proxy: {
      '/config.json': 'http://localhost:8080',
      '/xmpp-websocket': { target: 'ws://localhost:8080', ws: true },
      '/conference-request': 'http://localhost:8080',
      '/colibri-ws': { target: 'ws://localhost:8080', ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
