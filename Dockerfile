# offloadctl as an image: a slim Python, no root, nothing written outside mounted directories.
#
#   docker build -t offloadctl .
#   docker run --rm offloadctl --help
#
# BASE_IMAGE is any image with Python 3.11 or newer and its venv module.
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS build
# Which registry pip asks is the builder's business; unset, it is pip's own default.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG PIP_DEFAULT_TIMEOUT
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv /opt/offloadctl
WORKDIR /src
# The dependencies first: they change less often than the code. With those of [serve]: its instances share a lease topic.
COPY pyproject.toml ./
RUN python3 -c 'import tomllib; own = tomllib.load(open("pyproject.toml", "rb"))["project"]; print("\n".join(own["dependencies"] + own["optional-dependencies"]["serve"]))' > requirements.txt \
 && /opt/offloadctl/bin/pip install --quiet -r requirements.txt
COPY README.md LICENSE ./
COPY broker-conf broker-conf
COPY offloadctl offloadctl
RUN /opt/offloadctl/bin/pip install --quiet --no-deps .

FROM ${BASE_IMAGE}
COPY --from=build /opt/offloadctl /opt/offloadctl
RUN useradd --uid 10001 --home-dir /var/lib/offloadctl --create-home --shell /usr/sbin/nologin offloadctl
# What offloadctl remembers between runs; the only directory that it writes to, beside /tmp.
VOLUME /var/lib/offloadctl
ENV PATH=/opt/offloadctl/bin:$PATH HOME=/var/lib/offloadctl \
    XDG_STATE_HOME=/var/lib/offloadctl/state XDG_CONFIG_HOME=/var/lib/offloadctl/config \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /var/lib/offloadctl
# The pages of `serve`, where it is told to listen beyond the container.
EXPOSE 9477
# Whether it can run at all; who runs `serve` asks its /readyz, as docker-compose.yml does.
HEALTHCHECK --interval=60s --timeout=10s --start-period=5s CMD ["offloadctl", "--version"]
ENTRYPOINT ["offloadctl"]
CMD ["--help"]
