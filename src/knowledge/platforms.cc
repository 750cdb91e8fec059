#include "platforms.h"

#include <algorithm>
#include <array>

namespace graceshim {

namespace {

constexpr std::string_view kDockerFile = "/.dockerenv";

constexpr auto kPlatforms = std::to_array<Platform>({
    // --- CI runners ---
    {.name = "github-actions",
     .markers = {{{"GITHUB_ACTIONS", "true"}}},
     .grace = Millis{10'000},
     .note = "INT, 7.5s later TERM, 2.5s later KILL of the step's processes"},

    // --- Orchestrators and hosting ---
    {.name = "heroku",
     .markers = {{{"DYNO", ""}}},
     .docker_file = DockerFile::kAbsent,
     .grace = Millis{30'000},
     .broadcast = {sig::kTerm},
     .restarts = "starts a crashed dyno again by itself",
     .note = "TERM, possibly several times, to every process of the dyno"},
    {.name = "dokku",
     .markers = {{{"DYNO", ""}}},
     .docker_file = DockerFile::kThere,
     .restarts = "starts a failed container again by itself",
     .note = "TERM, and TERM again; stop-timeout-seconds is 30 unless it was changed"},
    {.name = "render",
     .markers = {{{"RENDER", "true"}}},
     .note = "TERM; maxShutdownDelaySeconds is 30 unless it was changed"},
    {.name = "railway",
     .markers = {{{"RAILWAY_ENVIRONMENT_ID", ""}, {"RAILWAY_ENVIRONMENT_NAME", ""}, {"RAILWAY_ENVIRONMENT", ""}}},
     .grace_variable = "RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
     .note = "TERM, and KILL at once unless RAILWAY_DEPLOYMENT_DRAINING_SECONDS says otherwise"},
    {.name = "fly",
     .markers = {{{"FLY_MACHINE_ID", ""}, {"FLY_APP_NAME", ""}}},
     .restarts = "starts a failed Machine again by itself",
     .note = "INT unless kill_signal says otherwise; kill_timeout is 5s unless it was changed"},
    {.name = "azure-container-apps",
     .markers = {{{"CONTAINER_APP_NAME", ""}, {"CONTAINER_APP_REPLICA_NAME", ""}}},
     .restarts = "starts a failed container again by itself",
     .note = "TERM; terminationGracePeriodSeconds is 30 unless it was changed"},
    {.name = "ecs",
     .markers = {{{"ECS_CONTAINER_METADATA_URI_V4", ""}, {"ECS_CONTAINER_METADATA_URI", ""}}},
     .note = "TERM or the image's STOPSIGNAL; stopTimeout is 30s unless it was changed"},
    {.name = "nomad",
     .markers = {{{"NOMAD_ALLOC_ID", ""}}},
     .restarts = "starts a failed task again by itself",
     .note = "INT (exec, raw_exec, java) or TERM (docker); kill_timeout is 5s unless it was changed"},
    // Knative sets K_SERVICE too, and the grace period of its pods can be changed. So Kubernetes is tried before
    // Cloud Run.
    {.name = "kubernetes",
     .markers = {{{"KUBERNETES_SERVICE_HOST", ""}}},
     .restarts = "starts a failed container again by itself",
     .note = "TERM or the image's STOPSIGNAL; terminationGracePeriodSeconds, which includes the time of preStop, is 30 "
             "unless it was changed"},
    {.name = "cloud-run",
     .markers = {{{"K_SERVICE", ""}, {"CLOUD_RUN_JOB", ""}, {"CLOUD_RUN_WORKER_POOL", ""}}},
     .grace = Millis{10'000},
     .note = "TERM, 10s later KILL"},
    {.name = "cloud-foundry",
     .markers = {{{"VCAP_APPLICATION", ""}}},
     .restarts = "starts a crashed instance again by itself",
     .note = "TERM to the container's first process only, and KILL after 10s unless the operator changed that"},
    {.name = "slurm",
     .markers = {{{"SLURM_JOB_ID", ""}}},
     .note = "TERM to the job's steps; KillWait is 30s unless it was changed"},

    // --- Hosts ---
    {.name = "systemd",
     .markers = {{{"SYSTEMD_EXEC_PID", ""}}},
     .own_pid = true,
     .broadcast = {sig::kTerm},
     .broadcast_is_certain = false,
     .restarts = "starts a failed unit again if its Restart= says so",
     .note = "TERM to every process of the unit, unless it has KillMode=mixed; TimeoutStopSec is 90s unless it was "
             "changed"},
    {.name = "systemd-nspawn",
     .markers = {{{"container", "systemd-nspawn"}}},
     .note = "RTMIN+3 with --boot; otherwise KILL at once unless --kill-signal is given"},
    {.name = "podman",
     .markers = {{{"container", "podman"}}},
     .note = "TERM or the image's STOPSIGNAL; --stop-timeout is 10s unless it was changed"},
    {.name = "docker",
     .docker_file = DockerFile::kThere,
     .note = "TERM or the image's STOPSIGNAL; --stop-timeout is 10s unless it was changed"},
});

// The sorted names of all variables that is_marker() accepts. The empty names of rows with fewer variables come first.
constexpr auto kMarkerNames = [] {
  constexpr std::size_t kPerRow = std::tuple_size_v<decltype(Platform::markers)> + 1;
  std::array<std::string_view, kPlatforms.size() * kPerRow> names{};
  auto next = names.begin();
  for (const Platform& platform : kPlatforms) {
    for (const Marker& marker : platform.markers) *next++ = marker.variable;
    *next++ = platform.grace_variable;
  }
  std::sort(names.begin(), names.end());
  return names;
}();

// Returns the first marker of the platform that is in the environment; null: there is none.
const Marker* find_marker(const Platform& platform, const VariableLookup& lookup, int pid) {
  for (const Marker& marker : platform.markers) {
    if (marker.variable.empty()) continue;
    const std::optional<std::string> value = lookup(marker.variable);
    if (!value || value->empty()) continue;
    if (!marker.value.empty() && *value != marker.value) continue;
    if (platform.own_pid && *value != std::to_string(pid)) continue;
    return &marker;
  }
  return nullptr;
}

}  // namespace

std::span<const Platform> platforms() noexcept {
  return kPlatforms;
}

bool is_marker(std::string_view name) noexcept {
  return !name.empty() && std::binary_search(kMarkerNames.begin(), kMarkerNames.end(), name);
}

const Platform* find_platform(std::string_view name) noexcept {
  for (const Platform& platform : kPlatforms) {
    if (platform.name == name) return &platform;
  }
  return nullptr;
}

RecognisedPlatform recognise_platform(const VariableLookup& lookup, int pid,
                                      const std::function<bool(const std::string&)>& exists) {
  std::optional<bool> docker_file;
  for (const Platform& platform : kPlatforms) {
    std::string reason;
    if (!platform.markers[0].variable.empty()) {
      const Marker* marker = find_marker(platform, lookup, pid);
      if (marker == nullptr) continue;
      reason.append(marker->variable);
      if (platform.own_pid) {
        reason.append(" is graceshim's own pid");
      } else if (marker->value.empty()) {
        reason.append(" is set");
      } else {
        reason.append(" is ").append(marker->value);
      }
    }
    if (platform.docker_file != DockerFile::kAny) {
      if (!docker_file) docker_file = exists(std::string(kDockerFile));
      if (*docker_file != (platform.docker_file == DockerFile::kThere)) continue;
      reason.append(reason.empty() ? "" : ", ")
          .append(kDockerFile)
          .append(*docker_file ? " is there" : " is not there");
    }
    return {&platform, std::move(reason)};
  }
  return {};
}

PlatformFacts platform_facts(const Platform& platform, const VariableLookup& lookup) {
  PlatformFacts facts{.name = std::string(platform.name),
                      .grace = platform.grace,
                      .broadcast = platform.broadcast,
                      .broadcast_is_certain = platform.broadcast_is_certain};
  const auto text = platform.grace_variable.empty() ? std::nullopt : lookup(platform.grace_variable);
  if (text) {
    const Result<Millis> grace = parse_duration(*text);
    // If the value cannot be read, or is 0, the KILL is left to the platform.
    if (grace && *grace > Millis{0}) facts.grace = *grace;
  }
  return facts;
}

}  // namespace graceshim
