# An image that holds one file, /graceshim. To use it in an image of your own:
#
#   COPY --from=graceshim /graceshim /graceshim
#   ENTRYPOINT ["/graceshim", "--"]
#   CMD ["bundle", "exec", "rake", "resque:work"]
FROM docker.io/library/debian:bookworm-slim AS build
WORKDIR /src
COPY packaging/debian-packages packaging/install-packages packaging/
RUN packaging/install-packages build
COPY CMakeLists.txt CMakePresets.json LICENSE ./
COPY include include
COPY src src
RUN cmake --preset static && cmake --build --preset static --target graceshim

FROM scratch
COPY --from=build /src/build/static/graceshim /graceshim
ENTRYPOINT ["/graceshim", "--"]
