# The programs of pipelines/. Its parts add up to about 830 MB: Node has 230, the embedded ClickHouse 545.
# Pinned by version. Where it must be the same to the byte, add the digest that your registry says: node:…@sha256:…
FROM node:24.21.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY pipelines/package.json pipelines/
COPY scripts/api-reference/package.json scripts/api-reference/
RUN npm ci --omit=dev

FROM node:24.21.0-bookworm-slim
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json tsconfig.json ./
COPY src src
COPY public public
COPY pipelines pipelines
RUN mkdir data && chown node:node data
USER node
VOLUME /app/data
# Its own address in the container: who may reach it says `docker run --publish`.
ENV HOST=0.0.0.0
EXPOSE 8502
ENTRYPOINT ["node", "--import", "tsx"]
CMD ["pipelines/crypto.ts"]
