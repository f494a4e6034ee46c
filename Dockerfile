# Parley's image. Node runs the TypeScript as it is, so there is nothing to build but the dependencies.
# test/deployment/image.test.ts runs these steps without a container engine.

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# No dependency of the service needs an install script, and none is trusted to run one.
RUN npm ci --omit=dev --ignore-scripts
RUN mkdir data

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
ENV HOST=0.0.0.0
ENV PORT=3000
COPY --from=dependencies /app/node_modules ./node_modules
# The only folder that the service may write to: the embedded database, where no Postgres is given.
COPY --from=dependencies --chown=node:node /app/data ./data
COPY package.json LICENSE ./
COPY src ./src
# What /openapi.json and /asyncapi.json answer.
COPY docs/openapi.json docs/asyncapi.json ./docs/
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Exec form: node is the first process, so that SIGTERM reaches it and it says goodbye to its connections.
CMD ["node", "src/hosts/node/cli.ts", "start"]
