# Caddy that needs no root: its certificates lie in a folder of its own.
ARG BASE=caddy:2.10-alpine
FROM ${BASE}
USER 0
RUN install -d -o 10001 -g 10001 -m 0700 /caddy
ENV XDG_DATA_HOME=/caddy XDG_CONFIG_HOME=/caddy
USER 10001:10001
VOLUME /caddy
EXPOSE 80 443
ENTRYPOINT ["caddy"]
CMD ["run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
