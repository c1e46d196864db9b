namespace RaftKv.Compatibility.Tests.Etcdctl;

/// <summary>
/// What people do with etcdctl, by topic; each starts on a new store. {lease} is the id that the last 'lease grant'
/// printed, {self} the id of the member that is asked, {added} that of the one added last, {folder} an empty folder.
/// </summary>
internal static class EtcdctlScenarios
{
    /// <summary>Topics that are the same for a cluster of several members, one after the other on one store.</summary>
    public static readonly IReadOnlyList<string> OfAnyMember = ["watch", "put", "get", "del", "txn", "lease", "lock and elect"];

    private static readonly string[] Formats = ["simple", "json", "fields"];

    public static readonly IReadOnlyDictionary<string, EtcdctlStep[]> All = new Dictionary<string, EtcdctlStep[]>(StringComparer.Ordinal)
    {
        ["put"] =
        [
            new("put a 1"),
            new("put a 2 --prev-kv"),
            new("put a --ignore-value"),
            new("put missing --ignore-value"),
            new("lease grant 100"),
            new("put a 3 --lease={lease}"),
            new("put a 4 --ignore-lease"),
            new("put a 5 --lease=1234"),
            new("put b", "from standard input"),
            new("put -- -c \"a value\""),
            new("put a 6 -w json --prev-kv"),
            new("put a 7 -w fields --prev-kv"),
            new("put \"\" 1"),
            new("get \"\" --from-key"),
        ],
        ["get"] =
        [
            .. Put(("a", "3"), ("b", "1"), ("ba", "2"), ("bb", "2"), ("c", "0")),
            new("put b 9"),
            new("get a"),
            new("get missing"),
            new("get a c"),
            new("get b --prefix"),
            new("get b --from-key"),
            new("get \"\" --prefix --keys-only"),
            new("get a z --limit=2"),
            new("get a z --print-value-only"),
            new("get b --rev=3"),
            new("get b --rev=1000"),
            new("get a --consistency=s"),
            new("get a z --hex"),
            .. from target in new[] { "CREATE", "KEY", "MODIFY", "VERSION" }
               from order in new[] { "ASCEND", "DESCEND" }
               where target != "VERSION" // The order among equals is nobody's promise.
               select new EtcdctlStep($"get a z --sort-by={target} --order={order} --keys-only"),
            new("get c a --sort-by=KEY"),
            .. Formats.Select(format => new EtcdctlStep($"get a z -w {format}")),
            new("get a z -w json --limit=1 --keys-only"),
        ],
        ["del"] =
        [
            .. Put(("a", "1"), ("b", "2"), ("ba", "3"), ("c", "4"), ("d", "5"), ("e", "6")),
            new("del missing"),
            new("del a --prev-kv"),
            new("del b --prefix --prev-kv"),
            new("del c d"),
            new("del d --from-key -w json --prev-kv"),
            new("get \"\" --prefix"),
        ],
        ["txn"] =
        [
            .. Put(("a", "1")),
            new("txn", "value(\"a\") = \"1\"\nversion(\"a\") > \"0\"\n\nput a 2\nget a\n\nget a\n\n"),
            new("txn", "mod(\"a\") < \"1\"\n\nput a 3\n\nget a\ndel a\n\n"),
            new("txn", "create(\"missing\") = \"0\"\n\nput b \"two words\"\n\n\n"),
            new("txn", "\n\nput a 1\nput a 2\n\n\n"),
            new("txn -w json", "version(\"b\") = \"1\"\n\nget b\ndel b --prev-kv\n\n\n"),
            new("txn -w fields", "value(\"b\") != \"1\"\n\nget b\n\nget a\nput c 1\n\n"),
            new("get \"\" --prefix"),
        ],
        ["watch"] =
        [
            .. Put(("a", "1"), ("a", "2"), ("b", "3")),
            new("del a"),
            new("watch a --rev=1", Lines: 8),
            new("watch a --rev=1 --prev-kv", Lines: 11),
            new("watch a z --rev=2", Lines: 11),
            // How much of history comes in one response is for the store to choose; of the last revision it is all of it.
            new("watch \"\" --prefix --rev=5 -w json", Lines: 1),
            new("watch b --rev=1 -- echo seen", Lines: 4),
            new("watch -i", "watch b --rev=1\n", Lines: 3),
            new("compaction 4"),
            new("watch a --rev=2"),
        ],
        ["lease"] =
        [
            new("lease grant 100"),
            new("put a 1 --lease={lease}"),
            new("lease timetolive {lease}"),
            new("lease timetolive {lease} --keys"), // Of several keys, the order is nobody's promise.
            new("lease timetolive {lease} --keys -w json"),
            new("put b 1 --lease={lease}"),
            new("lease keep-alive {lease} --once"),
            new("lease list"),
            new("lease revoke {lease}"),
            new("lease revoke {lease}"),
            new("lease timetolive {lease}"),
            new("lease keep-alive {lease} --once"),
            new("lease list"),
            new("get a --prefix"),
            new("lease grant 0"),
            new("lease grant 99999999999"),
        ],
        ["member"] =
        [
            new("member list"),
            new("member list -w json"),
            new("member list -w table"),
            new("member add m2 --peer-urls=http://127.0.0.1:1 --learner"),
            new("member list"),
            new("member add m3 --peer-urls=http://127.0.0.1:2 --learner"),
            new("member promote {added}"),
            new("member update {added} --peer-urls=http://127.0.0.1:3"),
            new("member remove {added}"),
            new("member remove {added}"),
            new("member remove {self}"),
            new("member promote {self}"),
            new("member add m2 --peer-urls=http://127.0.0.1"),
        ],
        ["endpoint"] =
        [
            .. Put(("a", "1")),
            new("endpoint health"),
            new("endpoint health -w json"),
            new("endpoint status"),
            new("endpoint status -w json"),
            new("endpoint status -w fields"),
            new("endpoint status -w table"),
            new("endpoint hashkv"),
            new("endpoint hashkv --rev=2"),
            new("endpoint health --cluster"),
        ],
        ["maintenance"] =
        [
            .. Put(("a", "1"), ("a", "2"), ("a", "3")),
            new("compaction 3"),
            new("compaction 3"),
            new("compaction 1000"),
            new("compaction 4 --physical"),
            new("get a --rev=2"),
            new("defrag"),
            new("get a"),
            new("alarm list"),
            new("alarm disarm"),
            new("move-leader {self}"),
            new("move-leader 1234"),
        ],
        ["snapshot"] =
        [
            .. Put(("a", "1"), ("b", "2")),
            // 'snapshot status' opens the file as the database that it is with etcd, and with us is not.
            new("snapshot save {folder}/snapshot"),
        ],
        ["lock and elect"] =
        [
            new("lock mutex echo held"),
            new("lock mutex --ttl=30 echo again"),
            new("lock mutex", Lines: 1),
            new("elect race candidate", Lines: 2),
            new("elect race -l", Lines: 2),
        ],
    };

    private static IEnumerable<EtcdctlStep> Put(params (string Key, string Value)[] pairs)
        => pairs.Select(pair => new EtcdctlStep($"put {pair.Key} {pair.Value}"));
}
