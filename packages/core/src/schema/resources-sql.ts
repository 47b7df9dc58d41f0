import claimForResource from "../../sql/resources/claim_for_resource.sql" with { type: "text" };
import closeBreaker from "../../sql/resources/close_breaker.sql" with { type: "text" };
import declareResource from "../../sql/resources/declare_resource.sql" with { type: "text" };
import getResources from "../../sql/resources/get_resources.sql" with { type: "text" };
import judgeProbe from "../../sql/resources/judge_probe.sql" with { type: "text" };
import openBreaker from "../../sql/resources/open_breaker.sql" with { type: "text" };
import peekLanes from "../../sql/resources/peek_lanes.sql" with { type: "text" };
import reportOutage from "../../sql/resources/report_outage.sql" with { type: "text" };
import resources from "../../sql/resources/resources.sql" with { type: "text" };
import setResource from "../../sql/resources/set_resource.sql" with { type: "text" };
import weighResource from "../../sql/resources/weigh_resource.sql" with { type: "text" };

/** What jobs compete for, as functions and views, in the order they need each other. */
export const resourcesDefinitions: readonly string[] = [
  declareResource,
  judgeProbe,
  weighResource,
  peekLanes,
  claimForResource,
  reportOutage,
  setResource,
  openBreaker,
  closeBreaker,
  resources,
  getResources,
];
