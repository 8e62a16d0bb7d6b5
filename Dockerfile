# scanstroke in a container. GPU says for what: none (the default: the processor), nvidia, or mesa (AMD and Intel).
# docs/gpu.md shows how to build and run it.
ARG GPU=none

FROM node:22-bookworm AS package
WORKDIR /source
COPY . .
RUN npm ci && npm pack

FROM node:22-bookworm-slim AS with-none
COPY --from=package /source/scanstroke-*.tgz /tmp/
RUN npm install --global /tmp/scanstroke-*.tgz && rm /tmp/scanstroke-*.tgz

FROM with-none AS with-webgpu
RUN npm install --global "webgpu@$(node -p "require('/usr/local/lib/node_modules/scanstroke/package.json').peerDependencies.webgpu")"

FROM with-webgpu AS with-nvidia
# The driver comes from the host, by NVIDIA's container toolkit; its part for Vulkan only with the capability graphics.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 libegl1 && rm -rf /var/lib/apt/lists/*

FROM with-webgpu AS with-mesa
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers && rm -rf /var/lib/apt/lists/*

FROM with-${GPU}
WORKDIR /work
ENTRYPOINT ["scanstroke"]
