import chooseGated from "../../sql/limits/choose_gated.sql" with { type: "text" };
import claimGated from "../../sql/limits/claim_gated.sql" with { type: "text" };
import countStarts from "../../sql/limits/count_starts.sql" with { type: "text" };
import coverJobs from "../../sql/limits/cover_jobs.sql" with { type: "text" };
import dropLimit from "../../sql/limits/drop_limit.sql" with { type: "text" };
import freeSlots from "../../sql/limits/free_slots.sql" with { type: "text" };
import gateJobs from "../../sql/limits/gate_jobs.sql" with { type: "text" };
import gateWaiting from "../../sql/limits/gate_waiting.sql" with { type: "text" };
import getLimits from "../../sql/limits/get_limits.sql" with { type: "text" };
import limitLeft from "../../sql/limits/limit_left.sql" with { type: "text" };
import lockGates from "../../sql/limits/lock_gates.sql" with { type: "text" };
import peekGates from "../../sql/limits/peek_gates.sql" with { type: "text" };
import plainLanes from "../../sql/limits/plain_lanes.sql" with { type: "text" };
import setLimit from "../../sql/limits/set_limit.sql" with { type: "text" };
import setTenantWeight from "../../sql/limits/set_tenant_weight.sql" with { type: "text" };
import tenantsLeft from "../../sql/limits/tenants_left.sql" with { type: "text" };
import tidyLimits from "../../sql/limits/tidy_limits.sql" with { type: "text" };

/** Limits, rates and turns, as functions, in the order they need each other. */
export const limitsDefinitions: readonly string[] = [
  gateWaiting,
  gateJobs,
  freeSlots,
  lockGates,
  limitLeft,
  plainLanes,
  peekGates,
  tenantsLeft,
  chooseGated,
  tidyLimits,
  countStarts,
  claimGated,
  coverJobs,
  setLimit,
  dropLimit,
  setTenantWeight,
  getLimits,
];
