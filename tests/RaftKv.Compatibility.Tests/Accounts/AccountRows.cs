using RaftKv.Rpc;

namespace RaftKv.Compatibility.Tests.Accounts;

/// <summary>A call that somebody makes, and the status that it must end with.</summary>
/// <param name="User">Nobody if empty.</param>
/// <param name="Call">In the words of scripts.</param>
internal sealed record AccountRow(string User, string Call, RpcStatus Status)
{
    /// <summary>Why etcd 3.4 answers something else. Null: it answers the same.</summary>
    public string? Newer { get; init; }

    public override string ToString() => $"{(User.Length > 0 ? User : "nobody")}: {Call}";
}

/// <summary>What each call asks of its caller.</summary>
internal static class AccountRows
{
    private const string NotGuarded = "3.4 lets everybody do it.";
    private const string InnerWords = "3.4 lets the store's own words through.";
    private const string TokenFirst = "3.4 looks at the token first.";
    private const string NoSuchCall = "3.4 does not have it.";

    private static readonly RpcStatus Ok = RpcStatus.Ok;
    private static readonly RpcStatus Denied = new(RpcStatusCode.PermissionDenied, "etcdserver: permission denied");
    private static readonly RpcStatus Nobody = new(RpcStatusCode.InvalidArgument, "etcdserver: user name is empty");
    private static readonly RpcStatus Invalid = new(RpcStatusCode.Unauthenticated, "etcdserver: invalid auth token");
    private static readonly RpcStatus InvalidManagement = new(RpcStatusCode.InvalidArgument, "etcdserver: invalid auth management");
    private static readonly RpcStatus Wrong = new(RpcStatusCode.InvalidArgument, "etcdserver: authentication failed, invalid user ID or password");

    private static readonly RpcStatus TtlTooLarge = new(RpcStatusCode.OutOfRange, "etcdserver: too large lease TTL");

    public static IReadOnlyList<AccountRow> All { get; } =
    [
        .. Everybody("range key=\"a1\"", alice: Ok, root: Ok),
        .. Everybody("range key=\"a\" range_end=\"b\"", alice: Ok, root: Ok),
        .. Everybody("range key=\"a\" range_end=\"b\" serializable=true", alice: Ok, root: Ok),
        .. Everybody("range key=\"r\"", alice: Ok, root: Ok),
        .. Everybody("range key=\"w\"", alice: Denied, root: Ok),
        .. Everybody("range key=\"a\" range_end=\"c\"", alice: Denied, root: Ok),
        .. Everybody("range key=\"a\" range_end=\"\\x00\"", alice: Denied, root: Ok),
        .. Everybody("range key=\"r\" range_end=\"\\x00\"", alice: Denied, root: Ok),
        .. Everybody("put key=\"a2\" value=\"v\" prev_kv=true", alice: Ok, root: Ok),
        .. Everybody("put key=\"w\" value=\"v\"", alice: Ok, root: Ok),
        .. Everybody("put key=\"w\" value=\"v\" prev_kv=true", alice: Denied, root: Ok),
        .. Everybody("put key=\"r\" value=\"v\"", alice: Denied, root: Ok),
        .. Everybody("put key=\"a2\" value=\"v\" lease=1", alice: Ok, root: Ok),
        .. Everybody("put key=\"a2\" value=\"v\" lease=3", alice: Denied, root: Ok),
        .. Everybody("delete key=\"a9\"", alice: Ok, root: Ok),
        .. Everybody("delete key=\"a9\" range_end=\"b\" prev_kv=true", alice: Ok, root: Ok),
        .. Everybody("delete key=\"r\"", alice: Denied, root: Ok),
        .. Everybody("delete key=\"a9\" range_end=\"c\"", alice: Denied, root: Ok),
        .. Everybody("delete key=\"w9\" prev_kv=true", alice: Denied, root: Ok),
        .. Everybody("txn success=[{request_put={key=\"a3\"}}] failure=[{request_range={key=\"a1\"}}]", alice: Ok, root: Ok),
        .. Everybody("txn success=[{request_range={key=\"r\"}}]", alice: Ok, root: Ok),
        .. Everybody("txn success=[{request_put={key=\"a3\"}}] failure=[{request_range={key=\"secret\"}}]", alice: Denied, root: Ok),
        .. Everybody("txn success=[{request_put={key=\"r\"}}]", alice: Denied, root: Ok),
        .. Everybody("txn success=[{request_delete_range={key=\"r\"}}]", alice: Denied, root: Ok),
        .. Everybody("txn compare=[{key=\"secret\" target=VERSION version=1}]", alice: Denied, root: Ok),
        .. Everybody("txn compare=[{key=\"secret\" target=VERSION version=1}] success=[{request_put={key=\"a3\"}}]", alice: Denied, root: Ok),
        .. Everybody("compact revision=0", alice: Denied, root: null, newer: NotGuarded, newerForNobody: NotGuarded),
        .. Everybody("grant ID=50 TTL=99999999999", alice: TtlTooLarge, root: TtlTooLarge, newerForNobody: NotGuarded),
        .. Everybody("revoke ID=3", alice: Denied, root: null),
        .. Everybody("timetolive ID=3", alice: Ok, root: Ok, newerForNobody: NotGuarded),
        .. Everybody("timetolive ID=3 keys=true", alice: Denied, root: Ok, newer: NotGuarded, newerForNobody: NotGuarded),
        .. Everybody("timetolive ID=1 keys=true", alice: Ok, root: Ok, newerForNobody: NotGuarded),
        .. Everybody("leases", alice: Denied, root: Ok, newer: NotGuarded, newerForNobody: NotGuarded),
        .. Everybody("member-list", alice: Ok, root: Ok, newerForNobody: NotGuarded),
        .. Everybody("member-add peerURLs=[\"http://127.0.0.1:1\"]", alice: Denied, root: null),
        .. Everybody("member-remove ID=7", alice: Denied, root: null),
        .. Everybody("member-update ID=7 peerURLs=[\"http://127.0.0.1:1\"]", alice: Denied, root: null),
        .. Everybody("member-promote ID=7", alice: Denied, root: null),
        .. Everybody("status", alice: Ok, root: Ok, newerForNobody: NotGuarded),
        .. Everybody("alarm action=GET", alice: Ok, root: Ok, newerForNobody: NotGuarded),
        .. Everybody("alarm action=DEACTIVATE memberID=7", alice: Denied, root: Ok, newer: NotGuarded, newerForNobody: NotGuarded),
        .. Everybody("defragment", alice: Denied, root: Ok, newer: InnerWords, newerForNobody: InnerWords),
        .. Everybody("hash", alice: Denied, root: Ok, newer: InnerWords, newerForNobody: InnerWords),
        .. Everybody("hashkv", alice: Denied, root: Ok, newer: InnerWords, newerForNobody: InnerWords),
        .. Everybody("auth-status", alice: Denied, root: Ok, newer: NoSuchCall, newerForNobody: NoSuchCall, newerForRoot: NoSuchCall),
        .. Everybody("auth-enable", alice: Denied, root: Ok),
        .. Everybody("auth-disable", alice: Denied, root: null),
        .. Everybody("user-list", alice: Denied, root: Ok),
        .. Everybody("user-get name=\"alice\"", alice: Ok, root: Ok),
        .. Everybody("user-get name=\"root\"", alice: Denied, root: Ok),
        .. Everybody("user-add name=\"alice\" password=\"x\"", alice: Denied, root: new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: user name already exists")),
        .. Everybody("user-delete name=\"root\"", alice: Denied, root: InvalidManagement),
        .. Everybody("user-passwd name=\"nobody\" password=\"x\"", alice: Denied, root: new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: user name not found")),
        .. Everybody("user-grant-role user=\"alice\" role=\"nothing\"", alice: Denied, root: new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: role name not found")),
        .. Everybody("user-revoke-role name=\"root\" role=\"root\"", alice: Denied, root: InvalidManagement),
        .. Everybody("role-list", alice: Denied, root: Ok),
        .. Everybody("role-get role=\"r\"", alice: Ok, root: Ok),
        .. Everybody("role-get role=\"other\"", alice: Denied, root: Ok),
        .. Everybody("role-get role=\"root\"", alice: Denied, root: new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: role name not found")),
        .. Everybody("role-add name=\"r\"", alice: Denied, root: new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: role name already exists")),
        .. Everybody("role-delete role=\"root\"", alice: Denied, root: InvalidManagement),
        .. Everybody("role-grant name=\"nothing\" perm={permType=READ key=\"k\"}", alice: Denied, root: new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: role name not found")),
        .. Everybody("role-revoke role=\"r\" key=\"nothing\"", alice: Denied, root: new RpcStatus(RpcStatusCode.FailedPrecondition, "etcdserver: permission is not granted to the role")),
        new("idle", "range key=\"a1\"", Denied),
        new("idle", "put key=\"a1\"", Denied),
        new("idle", "user-get name=\"idle\"", Ok),
        new("", "authenticate name=\"alice\" password=\"wrong\"", Wrong),
        new("", "authenticate name=\"nobody\" password=\"wrong\"", Wrong),
        new("", "authenticate name=\"cn\" password=\"\"", new RpcStatus(RpcStatusCode.Unknown, "auth: authentication failed, password was given for no password user")),
        new("made up", "authenticate name=\"alice\" password=\"a\"", Ok) { Newer = TokenFirst },
    ];

    // Without a status for root, nothing is asked in its name: it would be done.
    private static IEnumerable<AccountRow> Everybody(
        string call,
        RpcStatus alice,
        RpcStatus? root,
        string? newer = null,
        string? newerForNobody = null,
        string? newerForRoot = null)
    {
        yield return new("alice", call, alice) { Newer = newer };
        yield return new("", call, Nobody) { Newer = newerForNobody };
        yield return new("made up", call, Invalid) { Newer = newerForNobody };
        if (root is { } status)
        {
            yield return new("root", call, status) { Newer = newerForRoot };
        }
    }
}
