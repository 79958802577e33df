"""STS: who is asking, and what a refusal means; botocore asks it for the credentials of a role by itself."""

from handrail.aws.service import Answer, Service

# Source of the answers: AWS STS API reference.
SERVICE = Service(
    "sts",
    reads=("Assume", "Decode", "Get"),
    root="{}Response",
    answers={
        "GetCallerIdentity": Answer("Account Arn UserId"),
        "DecodeAuthorizationMessage": Answer("DecodedMessage"),
        "AssumeRole AssumeRoleWithWebIdentity": Answer(
            "Credentials.AccessKeyId Credentials.SecretAccessKey Credentials.SessionToken"
        ),
    },
    needs={"GetCallerIdentity": {}},  # nobody can be forbidden it
)
