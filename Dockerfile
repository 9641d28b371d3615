# The one image for all of Shoal, from its sources: `docker build --tag REPOSITORY:TAG .`
#
# With the labels that image tools show:
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" --build-arg SOURCE=URL --tag REPOSITORY:TAG .
# The bill of materials is in the image: /usr/share/sbom/shoal.cdx.json (CycloneDX).

FROM node:22-bookworm-slim AS page
WORKDIR /shoal/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM rust:1.95-bookworm AS build
WORKDIR /shoal
COPY . .
COPY --from=page /shoal/web/dist web/dist
# The binary, the shared libraries that it needs, certificate authorities, and the bill of materials.
RUN cargo xtask image --release --built-page --files /image

FROM scratch
COPY --from=build /image /
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="Shoal" \
      org.opencontainers.image.description="Video conferencing that scales in shards: signalling, focus, bridge, page, operator" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
ENV PATH=/usr/local/bin
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/shoal"]
