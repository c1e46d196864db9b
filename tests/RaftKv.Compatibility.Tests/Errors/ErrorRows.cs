using RaftKv.Rpc;

namespace RaftKv.Compatibility.Tests.Errors;

/// <summary>The API's errors, as far as one member without authentication can be made to give them.</summary>
internal static class ErrorRows
{
    private const string Put = "put key=\"k\" value=\"v\"";
    private const string Read = "{request_range={key=\"k\"}}";
    private const string PutOp = "{request_put={key=\"k\" value=\"v\"}}";
    private const string NoKey = "etcdserver: key is not provided";
    private const string KeyNotFound = "etcdserver: key not found";
    private const string ValueProvided = "etcdserver: value is provided";
    private const string LeaseProvided = "etcdserver: lease is provided";
    private const string TooManyOps = "etcdserver: too many operations in txn request";
    private const string DuplicateKey = "etcdserver: duplicate key given in txn request";
    private const string SortOption = "etcdserver: invalid sort option";
    private const string Compacted = "etcdserver: mvcc: required revision has been compacted";
    private const string Future = "etcdserver: mvcc: required revision is a future revision";
    private const string NoSpace = "etcdserver: mvcc: database space exceeded";
    private const string Corrupt = "etcdserver: corrupt cluster";
    private const string LeaseNotFound = "etcdserver: requested lease not found";
    private const string BadUrls = "etcdserver: given member URLs are invalid";
    private const string MemberNotFound = "etcdserver: member not found";
    private const string UserNotFound = "etcdserver: user name not found";
    private const string RoleNotFound = "etcdserver: role name not found";
    private const string InvalidManagement = "etcdserver: invalid auth management";
    private const string TooLarge = "etcdserver: request is too large";

    private const string NoSortCheck = "3.4 takes an unknown order for none, and an unknown target ends its process.";
    private const string NoDowngrade = "3.4 has no Downgrade.";

    private const string NoPasswordLimit = "3.4 hashes the first 72 bytes.";
    private const string NoRangeCheck = "3.4 takes any range.";
    private const string RoleFirst = "3.4 looks for the role first.";

    private const string AddUser = "user-add name=\"u\" password=\"x\"";
    private const string DeleteUser = "user-delete name=\"u\"";
    private const string AddRole = "role-add name=\"r\"";
    private const string DeleteRole = "role-delete role=\"r\"";
    private const string NoSpaceOn = "alarm action=ACTIVATE memberID={self} alarm=NOSPACE";
    private const string NoSpaceOff = "alarm action=DEACTIVATE memberID={self} alarm=NOSPACE";
    private const string CorruptOn = "alarm action=ACTIVATE memberID={self} alarm=CORRUPT";
    private const string CorruptOff = "alarm action=DEACTIVATE memberID={self} alarm=CORRUPT";
    private const string AddLearner = "member-add peerURLs=[\"{fresh}\"] isLearner=true";
    private const string RemoveAdded = "member-remove ID={added}";

    public static readonly IReadOnlyList<ErrorRow> All = [.. Keys(), .. Txns(), .. Revisions(), .. Alarms(), .. Leases(), .. Members(), .. Auth(), .. Others()];

    private static string LongPassword => new('p', 73);

    private static IEnumerable<ErrorRow> Keys() =>
    [
        Invalid("range without key", "range", NoKey),
        Invalid("range without key before its sort options", "range sort_order=7", NoKey),
        Invalid("put without key", "put value=\"v\"", NoKey),
        Invalid("put without key before ignore_value with a value", "put value=\"v\" ignore_value=true", NoKey),
        Invalid("delete without key", "delete range_end=\"z\"", NoKey),
        Invalid("ignore_value of a missing key", "put key=\"missing\" ignore_value=true", KeyNotFound),
        Invalid("ignore_lease of a missing key", "put key=\"missing\" ignore_lease=true", KeyNotFound),
        Invalid("ignore_value with a value", "put key=\"k\" value=\"v\" ignore_value=true", ValueProvided),
        Invalid("ignore_value with a value before ignore_lease with a lease", "put key=\"k\" value=\"v\" lease=1 ignore_value=true ignore_lease=true", ValueProvided),
        Invalid("ignore_lease with a lease", "put key=\"k\" lease=1 ignore_lease=true", LeaseProvided),
        Invalid("unknown sort order", "range key=\"k\" sort_order=7", SortOption) with { Newer = NoSortCheck },
        Invalid("negative sort order", "range key=\"k\" sort_order=-1", SortOption) with { Newer = NoSortCheck },
        Invalid("unknown sort target", "range key=\"k\" sort_target=7", SortOption) with { Newer = NoSortCheck },
        Invalid("unknown sort order in a txn", "txn success=[{request_range={key=\"k\" sort_order=7}}]", SortOption) with { Newer = NoSortCheck },
        Invalid("value larger than a request may be", "put key=\"k\" value=\"v\"*1600000", TooLarge),
        Invalid("txn larger than a request may be", "txn success=[{request_put={key=\"k\" value=\"v\"*1600000}}]", TooLarge),
        new(
            "message larger than may be received",
            "put key=\"k\" value=\"v\"*2100000",
            RpcStatusCode.ResourceExhausted,
            "grpc: received message larger than max (2100008 vs. 2097152)"),
    ];

    private static IEnumerable<ErrorRow> Txns() =>
    [
        Invalid("compare without key", "txn compare=[{version=1}]", NoKey),
        Invalid("txn's range without key", "txn success=[{request_range={}}]", NoKey),
        Invalid("txn's put without key", "txn failure=[{request_put={}}]", NoKey),
        Invalid("txn's delete without key", "txn success=[{request_delete_range={}}]", NoKey),
        Invalid("nested compare without key", "txn success=[{request_txn={compare=[{}]}}]", NoKey),
        Invalid("nested put without key", "txn failure=[{request_txn={failure=[{request_put={}}]}}]", NoKey),
        Invalid("txn operation without a member", "txn success=[{}]", KeyNotFound),
        Invalid("nested operation without a member", "txn success=[{request_txn={success=[{}]}}]", KeyNotFound),
        Invalid("txn's ignore_value of a missing key", "txn success=[{request_put={key=\"missing\" ignore_value=true}}]", KeyNotFound),
        Invalid("txn's ignore_value with a value", "txn failure=[{request_put={key=\"k\" value=\"v\" ignore_value=true}}]", ValueProvided),
        Invalid("txn's ignore_lease with a lease", "txn failure=[{request_put={key=\"k\" lease=1 ignore_lease=true}}]", LeaseProvided),
        Invalid("too many compares", "txn compare=[{key=\"k\"}*129]", TooManyOps),
        Invalid("too many compares before one without key", "txn compare=[{}*129]", TooManyOps),
        Invalid("too many operations on success", $"txn success=[{Read}*129]", TooManyOps),
        Invalid("too many operations on failure", $"txn failure=[{Read}*129]", TooManyOps),
        Invalid("a nested txn has what its parent leaves", $"txn success=[{{request_txn={{success=[{Read}*128]}}}}]", TooManyOps),
        Invalid("put and put of a key", $"txn success=[{PutOp} {PutOp}]", DuplicateKey),
        Invalid("put and put of a key on failure", $"txn failure=[{PutOp} {PutOp}]", DuplicateKey),
        Invalid("put and delete of a key", $"txn success=[{PutOp} {{request_delete_range={{key=\"k\"}}}}]", DuplicateKey),
        Invalid("delete of a range and put in it", $"txn success=[{{request_delete_range={{key=\"a\" range_end=\"z\"}}}} {PutOp}]", DuplicateKey),
        Invalid("put and nested put of a key", $"txn success=[{PutOp} {{request_txn={{success=[{PutOp}]}}}}]", DuplicateKey),
        Invalid("puts of sibling txns of a key", $"txn success=[{{request_txn={{success=[{PutOp}]}}}} {{request_txn={{failure=[{PutOp}]}}}}]", DuplicateKey),
        Invalid("delete and nested put of a key", $"txn success=[{{request_delete_range={{key=\"k\"}}}} {{request_txn={{success=[{PutOp}]}}}}]", DuplicateKey),
        Invalid("nested delete and put of a key", $"txn success=[{{request_txn={{success=[{{request_delete_range={{key=\"k\"}}}}]}}}} {PutOp}]", DuplicateKey),
        NotFound("txn's put with an unknown lease", "txn success=[{request_put={key=\"k\" lease=424242}}]", LeaseNotFound),
    ];

    private static IEnumerable<ErrorRow> Revisions() =>
    [
        OutOfRange("range of the future", "range key=\"k\" revision=100000", Future),
        OutOfRange("range in a txn of the future", "txn success=[{request_range={key=\"k\" revision=100000}}]", Future),
        OutOfRange("hash of the future", "hashkv revision=100000", Future),
        OutOfRange("compaction of the future", "compact revision=100000", Future),
        OutOfRange("range of what is compacted", "range key=\"k\" revision=1", Compacted) with { Before = [Put, Put, "compact revision={revision}"] },
        OutOfRange("range in a txn of what is compacted", "txn success=[{request_range={key=\"k\" revision=1}}]", Compacted) with { Before = [Put, "compact revision={revision}"] },
        OutOfRange("range in a txn of a negative revision", "txn success=[{request_range={key=\"k\" revision=-1}}]", Compacted) with { Before = [Put, "compact revision={revision}"] },
        OutOfRange("hash of what is compacted", "hashkv revision=1", Compacted) with { Before = [Put, "compact revision={revision}"] },
        OutOfRange("compaction of what is compacted", "compact revision={revision}", Compacted) with { Before = [Put, "compact revision={revision}"] },
        OutOfRange("compaction of a negative revision", "compact revision=-1", Compacted) with { Before = [Put, "compact revision={revision}"] },
    ];

    private static IEnumerable<ErrorRow> Alarms()
    {
        foreach (var (name, call) in new[]
        {
            ("put", Put),
            ("txn's put", $"txn success=[{PutOp}]"),
            ("lease", "grant TTL=100 ID=77"),
        })
        {
            yield return new($"{name} without space", call, RpcStatusCode.ResourceExhausted, NoSpace) { Before = [NoSpaceOn], After = [NoSpaceOff] };
        }

        foreach (var (name, call) in new[]
        {
            ("put", Put),
            ("delete", "delete key=\"k\""),
            ("txn's put", $"txn success=[{PutOp}]"),
            ("txn's delete", "txn success=[{request_delete_range={key=\"k\"}}]"),
            ("compaction", "compact revision=1"),
            ("lease", "grant TTL=100 ID=77"),
            ("revocation", "revoke ID=77"),
        })
        {
            yield return new($"{name} in a corrupt cluster", call, RpcStatusCode.DataLoss, Corrupt) { Before = [CorruptOn], After = [CorruptOff] };
        }
    }

    private static IEnumerable<ErrorRow> Leases() =>
    [
        NotFound("put with an unknown lease", "put key=\"k\" lease=424242", LeaseNotFound),
        NotFound("revocation of an unknown lease", "revoke ID=424242", LeaseNotFound),
        NotFound("revocation of no lease", "revoke", LeaseNotFound),
        new("lease that exists", "grant TTL=100 ID=78", RpcStatusCode.FailedPrecondition, "etcdserver: lease already exists") { Before = ["grant TTL=100 ID=78"], After = ["revoke ID=78"] },
        OutOfRange("lease for too long", "grant TTL=9000000001 ID=79", "etcdserver: too large lease TTL"),
    ];

    private static IEnumerable<ErrorRow> Members() =>
    [
        Invalid("member without addresses", "member-add", BadUrls),
        Invalid("member with a bad address", "member-add peerURLs=[\"://\"]", BadUrls),
        Invalid("member with a foreign scheme", "member-add peerURLs=[\"ftp://127.0.0.1:1\"]", BadUrls),
        Invalid("member without a port", "member-add peerURLs=[\"http://127.0.0.1\"]", BadUrls),
        Invalid("member with a path", "member-add peerURLs=[\"http://127.0.0.1:1/path\"]", BadUrls),
        Refused("member at the address of another", "member-add peerURLs=[\"{peer}\"]", "etcdserver: Peer URLs already exists"),
        NotFound("removal of an unknown member", "member-remove ID=12345", MemberNotFound),
        NotFound("update of an unknown member", "member-update ID=12345 peerURLs=[\"http://127.0.0.1:1\"]", MemberNotFound),
        NotFound("promotion of an unknown member", "member-promote ID=12345", MemberNotFound),
        new("removal of the last member", "member-remove ID={self}", RpcStatusCode.Unknown, "etcdserver: re-configuration failed due to not enough started members"),
        Refused("promotion of a voter", "member-promote ID={self}", "etcdserver: can only promote a learner member"),
        Refused("promotion of a learner that lags", "member-promote ID={added}", "etcdserver: can only promote a learner member which is in sync with leader") with { Before = [AddLearner], After = [RemoveAdded] },
        Refused("two learners", "member-add peerURLs=[\"http://127.0.0.1:2\"] isLearner=true", "etcdserver: too many learner members in cluster") with { Before = [AddLearner], After = [RemoveAdded] },
        Refused("update to the address of another", "member-update ID={added} peerURLs=[\"{peer}\"]", "etcdserver: Peer URLs already exists") with { Before = [AddLearner], After = [RemoveAdded] },
        NotFound("removal of a removed member", "member-remove ID={added}", MemberNotFound) with { Before = [AddLearner, RemoveAdded] },
        Refused("leadership for an unknown member", "move-leader targetID=12345", "etcdserver: bad leader transferee"),
        Refused("leadership for a learner", "move-leader targetID={added}", "etcdserver: bad leader transferee") with { Before = [AddLearner], After = [RemoveAdded] },
    ];

    private static IEnumerable<ErrorRow> Auth() =>
    [
        Refused("authentication while it is off", "authenticate name=\"root\" password=\"x\"", "etcdserver: authentication is not enabled"),
        Refused("authentication turned on without root", "auth-enable", "etcdserver: root user does not exist"),
        Refused("authentication turned on with a root that has no rights", "auth-enable", "etcdserver: root user does not have root role") with { Before = ["user-add name=\"root\" password=\"x\""], After = ["user-delete name=\"root\""] },
        Invalid("user without a name", "user-add password=\"x\"", "etcdserver: user name is empty"),
        Refused("user that is there", "user-add name=\"u\" password=\"x\"", "etcdserver: user name already exists") with { Before = [AddUser], After = [DeleteUser] },
        new("user with a long password", $"user-add name=\"u\" password=\"{LongPassword}\"", RpcStatusCode.Unknown, "bcrypt: password length exceeds 72 bytes") { Newer = NoPasswordLimit },
        new("long new password", $"user-passwd name=\"u\" password=\"{LongPassword}\"", RpcStatusCode.Unknown, "bcrypt: password length exceeds 72 bytes") { Newer = NoPasswordLimit },
        Refused("unknown user looked at", "user-get name=\"nobody\"", UserNotFound),
        Refused("unknown user deleted", "user-delete name=\"nobody\"", UserNotFound),
        Refused("password of an unknown user", "user-passwd name=\"nobody\" password=\"x\"", UserNotFound),
        Refused("role for an unknown user", "user-grant-role user=\"nobody\" role=\"r\"", UserNotFound),
        Refused("role taken from an unknown user", "user-revoke-role name=\"nobody\" role=\"r\"", UserNotFound),
        Refused("unknown role for a user", "user-grant-role user=\"u\" role=\"nothing\"", RoleNotFound) with { Before = [AddUser], After = [DeleteUser] },
        Refused("role taken from who does not have it", "user-revoke-role name=\"u\" role=\"r\"", "etcdserver: role is not granted to the user") with { Before = [AddUser], After = [DeleteUser] },
        Invalid("role without a name", "role-add", "etcdserver: role name is empty"),
        Refused("role that is there", "role-add name=\"r\"", "etcdserver: role name already exists") with { Before = [AddRole], After = [DeleteRole] },
        Refused("unknown role looked at", "role-get role=\"nothing\"", RoleNotFound),
        Refused("unknown role deleted", "role-delete role=\"nothing\"", RoleNotFound),
        Refused("permission for an unknown role", "role-grant name=\"nothing\" perm={key=\"k\"}", RoleNotFound),
        Refused("permission taken from an unknown role", "role-revoke role=\"nothing\" key=\"k\"", RoleNotFound),
        Invalid("no permission before an unknown role", "role-grant name=\"nothing\"", "etcdserver: permission not given") with { Newer = RoleFirst },
        Invalid("permission without a key before an unknown role", "role-grant name=\"nothing\" perm={permType=READ}", InvalidManagement) with { Newer = RoleFirst },
        Invalid("no permission for a role", "role-grant name=\"r\"", "etcdserver: permission not given") with { Before = [AddRole], After = [DeleteRole], Newer = "3.4 ends its process over it." },
        Invalid("permission without a key", "role-grant name=\"r\" perm={permType=READ}", InvalidManagement) with { Before = [AddRole], After = [DeleteRole], Newer = NoRangeCheck },
        Invalid("permission for a range that ends before it starts", "role-grant name=\"r\" perm={key=\"b\" range_end=\"a\"}", InvalidManagement) with { Before = [AddRole], After = [DeleteRole], Newer = NoRangeCheck },
        Refused("permission that is not the role's", "role-revoke role=\"r\" key=\"k\" range_end=\"l\"", "etcdserver: permission is not granted to the role") with { Before = [AddRole, "role-grant name=\"r\" perm={key=\"k\"}"], After = [DeleteRole] },
    ];

    private static IEnumerable<ErrorRow> Others() =>
    [
        new("leader of nothing", "leader name=\"nothing\"", RpcStatusCode.Unknown, "election: no leader"),
        new("proclamation without a leader", "proclaim value=\"v\"", RpcStatusCode.Unknown, "\"leader\" field must be provided"),
        new("resignation without a leader", "resign", RpcStatusCode.Unknown, "\"leader\" field must be provided"),
        new("proclamation by who does not lead", "proclaim leader={name=\"e\" key=\"e/1\" rev=1 lease=1} value=\"v\"", RpcStatusCode.Unknown, "election: not leader"),
        new("lock with an unknown lease", "lock name=\"l\" lease=424242", RpcStatusCode.Unknown, LeaseNotFound),
        new("campaign with an unknown lease", "campaign name=\"e\" lease=424242 value=\"v\"", RpcStatusCode.Unknown, LeaseNotFound),
        Invalid("downgrade to no version", "downgrade action=VALIDATE version=\"x\"", "etcdserver: wrong downgrade target version format") with { Newer = NoDowngrade },
        Invalid("downgrade to a newer version", "downgrade action=VALIDATE version=\"3.7\"", "etcdserver: invalid downgrade target version") with { Newer = NoDowngrade },
        Invalid("downgrade by two versions", "downgrade action=VALIDATE version=\"3.4\"", "etcdserver: invalid downgrade target version") with { Newer = NoDowngrade },
        new("unknown downgrade action", "downgrade action=7 version=\"3.5\"", RpcStatusCode.Unknown, "etcdserver: unknown method") { Newer = NoDowngrade },
    ];

    private static ErrorRow Invalid(string name, string call, string text) => new(name, call, RpcStatusCode.InvalidArgument, text);

    private static ErrorRow OutOfRange(string name, string call, string text) => new(name, call, RpcStatusCode.OutOfRange, text);

    private static ErrorRow NotFound(string name, string call, string text) => new(name, call, RpcStatusCode.NotFound, text);

    private static ErrorRow Refused(string name, string call, string text) => new(name, call, RpcStatusCode.FailedPrecondition, text);
}
