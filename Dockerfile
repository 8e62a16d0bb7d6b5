# scanstroke in a container. Targets: cpu (the default), nvidia, mesa (AMD and Intel), and test, which runs the tests.
# docs/container.md shows how to build and run them.

FROM node:22-bookworm AS source
WORKDIR /source
# The user node owns the clone, because some tests need files that their user may not read.
RUN chown node:node /source
USER node
COPY --chown=node:node . .
RUN npm ci

FROM source AS test
CMD ["npm", "test"]

FROM source AS package
RUN npm pack

FROM node:22-bookworm-slim AS runtime
RUN --mount=type=bind,from=package,source=/source,target=/source \
    npm install --global /source/scanstroke-*.tgz && npm cache clean --force
# Any user may write to the cache, so `docker run --user` works.
ENV SCANSTROKE_CACHE=/var/cache/scanstroke
RUN install -d -m 1777 /var/cache/scanstroke && install -d -o node -g node /work
WORKDIR /work
EXPOSE 7860
ENTRYPOINT ["scanstroke"]
CMD ["serve", "--host", "0.0.0.0"]

FROM runtime AS webgpu
RUN npm install --global "webgpu@$(node -p "require('/usr/local/lib/node_modules/scanstroke/package.json').peerDependencies.webgpu")" \
    && npm cache clean --force

FROM webgpu AS nvidia
# The driver comes from the host, by NVIDIA's container toolkit; its part for Vulkan only with the capability graphics.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility,graphics
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 libegl1 && rm -rf /var/lib/apt/lists/*
USER node

FROM webgpu AS mesa
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 mesa-vulkan-drivers && rm -rf /var/lib/apt/lists/*
USER node

FROM runtime AS cpu
USER node
