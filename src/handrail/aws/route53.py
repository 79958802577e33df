"""Route 53: zones and records."""

from handrail.aws.failures import SLOW_DOWN
from handrail.aws.service import Answer, Failure, Service
from handrail.core.errors import AwsFailure, Conflict, NotFound, Usage, WrongState

# Sources: Amazon Route 53 API reference; service authorization reference, Amazon Route 53.
SERVICE = Service(
    "route53",
    reads=("Get", "List", "Test"),
    root="{}Response",
    answers={
        "ListHostedZones": Answer("HostedZones IsTruncated HostedZones[].Id HostedZones[].Name", truths="IsTruncated"),
        "ChangeResourceRecordSets": Answer("ChangeInfo.Id ChangeInfo.Status"),
    },
    failures={
        "NoSuchHostedZone": Failure(NotFound, "there is no zone {thing}.", "handrail route53 zone list"),
        "HostedZoneAlreadyExists": Failure(
            Conflict, "a zone of this request was made already.", "handrail route53 zone list"
        ),
        "HostedZoneNotEmpty": Failure(
            WrongState, "the zone {thing} still has records.", "handrail route53 record list {subject}"
        ),
        "InvalidChangeBatch": Failure(
            Conflict, "Route 53 does not take this change: {text}", "handrail route53 record list {subject}"
        ),
        "InvalidDomainName": Failure(Usage, "{thing} is no domain name: {text}", "a name looks like example.org"),
        "ConflictingDomainExists": Failure(
            Conflict, "the name {thing} conflicts with another zone: {text}", "handrail route53 zone list"
        ),
        "DelegationSetNotAvailable": Failure(
            AwsFailure,
            "Route 53 has no name servers for {thing}: it or a parent of it is taken too often.",
            "choose another name",
        ),
        "PriorRequestNotComplete": SLOW_DOWN,
    },
)
