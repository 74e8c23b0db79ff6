# One image for every role: `serve <role>...`, `migrate`.
#
# Written without a container engine at hand: the steps are those of scripts/web and of a release build, which are run,
# but the file as a whole has not been.

FROM node:20-bookworm-slim AS web
WORKDIR /src
COPY web/package.json web/package-lock.json web/
RUN npm ci --prefix web --no-audit --no-fund
COPY buf.yaml ./
COPY proto proto
COPY web web
RUN npm run build --prefix web

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Built into the binary.
COPY --from=web /src/web/dist web/dist
RUN cargo build --locked --release --bin mission-control

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/*
# A number, so that Kubernetes can see that it is not root.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data mission-control \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY --from=build /src/target/release/mission-control /usr/local/bin/mission-control
USER 10001:10001
WORKDIR /data
# Inside a container every address is the container's own.
ENV MC_DATA_DIR=/data \
    MC_HTTP_ADDR=0.0.0.0:8000 \
    MC_ADMIN_ADDR=0.0.0.0:9090 \
    MC_MESH_ADDR=0.0.0.0:50051 \
    LOG_FORMAT=json
EXPOSE 8000 9090 50051
ENTRYPOINT ["mission-control"]
# There is no PostgreSQL in the image: MC_DATABASE_URL says where it is.
CMD ["serve"]
