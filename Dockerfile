# An image that holds one file, /graceshim, which is also called /tini, /dumb-init and /catatonit there. To use it in an
# image of your own:
#
#   COPY --from=graceshim /graceshim /graceshim
#   ENTRYPOINT ["/graceshim", "--"]
#   CMD ["bundle", "exec", "rake", "resque:work"]
#
# With --platform it is for another processor: linux/amd64, arm64, arm/v7, 386, ppc64le, s390x or riscv64. A cross compiler
# builds it, so that no emulator is needed. riscv64 is a processor of Debian 13 and later: --build-arg DEBIAN=trixie-slim.
# The podman of Debian 12 has to be told what it builds on: --build-arg BUILDPLATFORM=linux/amd64.
ARG DEBIAN=bookworm-slim
FROM --platform=$BUILDPLATFORM docker.io/library/debian:$DEBIAN AS build
ARG TARGETARCH
ARG TARGETVARIANT
WORKDIR /src
COPY packaging/debian-packages packaging/install-packages packaging/
# Debian's name of the processor.
RUN case $TARGETARCH in \
      arm) [ "${TARGETVARIANT:-v7}" = v7 ] && echo armhf ;; \
      386) echo i386 ;; \
      ppc64le) echo ppc64el ;; \
      *) echo "$TARGETARCH" ;; \
    esac >/processor
RUN packaging/install-packages build "cross-$(cat /processor)"
COPY CMakeLists.txt CMakePresets.json LICENSE ./
COPY packaging/toolchains packaging/toolchains
COPY include include
COPY src src
RUN cmake --preset static --toolchain "packaging/toolchains/$(cat /processor).cmake" && \
    cmake --build --preset static --target graceshim && \
    mkdir /image && cp build/static/graceshim /image && \
    for name in tini dumb-init catatonit; do ln /image/graceshim "/image/$name"; done

FROM scratch
LABEL org.opencontainers.image.title="graceshim" \
      org.opencontainers.image.description="Init shim that stops a command the way that command finishes its work" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /image /
ENTRYPOINT ["/graceshim", "--"]
