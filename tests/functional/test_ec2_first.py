"""The main job: an instance within the rules, seen by a foreign client."""

from conftest import Handrail, Sandbox


def test_create_list_show_delete(handrail: Handrail, sandbox: Sandbox) -> None:
    made = handrail.json("ec2", "create", "--name", "web", "--image", "ubuntu")
    assert made["status"] == "succeeded"
    assert made["current"]["state"] == "running"

    seen = sandbox.client("ec2").describe_instances(InstanceIds=[made["id"]])["Reservations"][0]["Instances"][0]
    tags = {tag["Key"]: tag["Value"] for tag in seen["Tags"]}
    assert tags["managed-by"] == "handrail"
    assert tags["handrail:owner"] == "dev-1"
    assert seen["ClientToken"] == f"hr-{tags['handrail:request']}"
    assert seen["MetadataOptions"]["HttpTokens"] == "required"

    assert [row["name"] for row in handrail.json("ec2", "list")] == ["web"]
    assert handrail.json("ec2", "show", "web")["id"] == made["id"]
    gone = handrail.json("ec2", "delete", "web", "--yes")
    assert gone[0]["current"]["state"] == "terminated"
    assert handrail.json("ec2", "list") == []
