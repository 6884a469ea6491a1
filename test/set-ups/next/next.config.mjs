export default {
  output: process.env.NEXT_OUTPUT === 'standalone' ? 'standalone' : undefined,
  serverExternalPackages: process.env.NEXT_EXTERNAL === 'yes' ? ['otel-session-logs'] : [],
};
