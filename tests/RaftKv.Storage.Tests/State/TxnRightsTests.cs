using System.Text;
using Google.Protobuf;
using RaftKv.Protocol.Etcd;
using RaftKv.Raft.Log;
using RaftKv.Storage.Mvcc;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.Tests.Snapshots;

namespace RaftKv.Storage.Tests.State;

/// <summary>Drawn transactions within transactions of somebody who may do little, beside the plainest rule: all of it, or none.</summary>
public sealed class TxnRightsTests
{
    private const int TxnsPerSeed = 60;
    private const int Deepest = 3;

    public static TheoryData<ulong> Drawn => Seeds.Some(20);

    [Theory]
    [MemberData(nameof(Drawn))]
    public void A_transaction_is_done_exactly_if_its_caller_may_do_all_that_is_in_it(ulong seed) => Assert.Null(WhatIsWrong(seed, skipsNested: false));

    /// <summary>Tests the test: M19.</summary>
    [Fact]
    public void Rights_that_are_not_asked_for_within_a_transaction_are_noticed_within_20_seeds()
    {
        var first = Enumerable.Range(1, 20).FirstOrDefault(seed => WhatIsWrong((ulong)seed, skipsNested: true) is not null);
        TestContext.Current.SendDiagnosticMessage($"SkipsNestedRights: seed {first}");
        Assert.NotEqual(0, first);
    }

    private static string? WhatIsWrong(ulong seed, bool skipsNested)
    {
        var chance = new Random((int)seed);
        var answers = new Answers();
        using var machine = new StateMachine(SampleState.NewKeys()) { SkipsNestedRights = skipsNested };
        var rules = new NaiveAuth();
        var index = 0ul;
        void Apply(byte[] payload) => machine.Apply(new Entry(1, ++index, EntryKind.Command, payload), answers);
        void Command<T>(T command)
            where T : IStateCommand<T> => Apply(CommandEnvelope.Encode(0, Caller.Nobody, command));

        Command(new UserAddCommand(Caller.Nobody, "root", default, HasNoPassword: true));
        Command(new UserGrantRoleCommand(Caller.Nobody, "root", "root"));
        Command(new UserAddCommand(Caller.Nobody, "anna", default, HasNoPassword: true));
        Command(new RoleAddCommand(Caller.Nobody, "some"));
        Command(new UserGrantRoleCommand(Caller.Nobody, "anna", "some"));
        rules.AddUser(Caller.Nobody, "anna");
        rules.AddRole(Caller.Nobody, "some");
        rules.GrantRole(Caller.Nobody, "anna", "some");
        foreach (var _ in Enumerable.Range(0, 4))
        {
            var (kind, key, end) = ((PermissionKind)chance.Next(3), Key(chance), chance.Next(2) == 0 ? [] : new[] { (byte)'h' });
            Command(new RoleGrantPermissionCommand(Caller.Nobody, "some", new Permission(kind, key, end)));
            rules.GrantPermission(Caller.Nobody, "some", kind, key, end);
        }

        Command(new AuthEnableCommand());
        Assert.True(machine.Auth.View.IsEnabled);
        for (var i = 1; i <= TxnsPerSeed; i++)
        {
            var txn = Draw(chance, Deepest);
            Apply(CommandEnvelope.Encode((ulong)i, new Caller("anna", machine.Auth.View.Revision), CommandKind.Txn, txn.ToByteArray()).ToArray());
            var expected = Needs(txn).All(need => rules.Allows("anna", need.Access, need.Range)) ? StateError.None : StateError.PermissionDenied;
            if (answers.Last.Error != expected)
            {
                return $"seed {seed}: {txn} was answered with {answers.Last.Error}, not {expected}";
            }
        }

        return null;
    }

    private static List<(Access Access, KeyRange Range)> Needs(TxnRequest txn)
    {
        var needs = txn.Compare.Select(compare => (Access: Access.Read, Range: Range(compare.Key, compare.RangeEnd))).ToList();
        foreach (var operation in txn.Success.Concat(txn.Failure))
        {
            switch (operation.RequestCase)
            {
                case RequestOp.RequestOneofCase.RequestRange:
                    needs.Add((Access.Read, Range(operation.RequestRange.Key, operation.RequestRange.RangeEnd)));
                    break;
                case RequestOp.RequestOneofCase.RequestPut:
                    var put = operation.RequestPut;
                    needs.Add((Access.Write, Range(put.Key, ByteString.Empty)));
                    needs.AddRange(put.PrevKv ? [(Access.Read, Range(put.Key, ByteString.Empty))] : []);
                    break;
                case RequestOp.RequestOneofCase.RequestDeleteRange:
                    var delete = operation.RequestDeleteRange;
                    needs.Add((Access.Write, Range(delete.Key, delete.RangeEnd)));
                    needs.AddRange(delete.PrevKv ? [(Access.Read, Range(delete.Key, delete.RangeEnd))] : []);
                    break;
                case RequestOp.RequestOneofCase.RequestTxn:
                    needs.AddRange(Needs(operation.RequestTxn));
                    break;
            }
        }

        return needs;
    }

    private static KeyRange Range(ByteString key, ByteString end) => KeyRange.Of(key.Memory, end.Memory);

    private static TxnRequest Draw(Random chance, int depth)
    {
        var txn = new TxnRequest();
        if (chance.Next(3) == 0)
        {
            txn.Compare.Add(new Compare { Key = Bytes(chance), Target = Compare.Types.CompareTarget.Version, Result = Compare.Types.CompareResult.Greater });
        }

        (chance.Next(4) == 0 ? txn.Failure : txn.Success).Add(DrawOperation(chance, depth));
        return txn;
    }

    private static RequestOp DrawOperation(Random chance, int depth) => chance.Next(depth > 0 ? 6 : 3) switch
    {
        0 => new RequestOp { RequestRange = new RangeRequest { Key = Bytes(chance) } },
        1 => new RequestOp { RequestPut = new PutRequest { Key = Bytes(chance), PrevKv = chance.Next(2) == 0 } },
        2 => new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = Bytes(chance), PrevKv = chance.Next(2) == 0 } },
        _ => new RequestOp { RequestTxn = Draw(chance, depth - 1) },
    };

    private static ByteString Bytes(Random chance) => ByteString.CopyFrom(Key(chance));

    private static byte[] Key(Random chance) => Encoding.ASCII.GetBytes([(char)('a' + chance.Next(8))]);

    private sealed class Answers : IAnswerSink
    {
        public Answer Last { get; private set; }

        public bool IsAwaited(ulong requestId) => requestId != 0;

        public void Complete(ulong requestId, in Answer answer) => Last = answer;
    }
}
