import { defineConfig } from "vite";

// The content-security-policy of the controller allows no inline script or
// style and no data: addresses, so nothing is inlined here.
export default defineConfig({
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    target: "es2021",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    emptyOutDir: true,
  },
});
