FROM node:24-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund && touch node_modules/.package-lock.json
COPY . .
EXPOSE 8502
CMD ["./scripts/run", "crypto"]
