using RaftKv.Raft;
using RaftKv.Storage.State;
using RaftKv.Storage.State.Commands;
using RaftKv.Storage.State.Requests;

namespace RaftKv.Storage.Tests.State;

/// <summary>The bytes of each command as they stand in the log. They never change.</summary>
public sealed class CommandTests
{
    private static readonly Caller Anna = new("anna", 3);

    [Fact]
    public void Lease_commands()
    {
        Check("10" + "0807060504030201" + "78", new LeaseGrantCommand(0x0102030405060708, 60));
        Check("11" + "04616e6e61" + "06" + "0100000000000000" + "00", new LeaseRevokeCommand(Anna, 1, IsExpired: false));
        Check("11" + "00" + "00" + "0100000000000000" + "01", new LeaseRevokeCommand(Caller.Nobody, 1, IsExpired: true));
        Check("12" + "00", new LeaseCheckpointCommand([]));
        Check("12" + "02" + "0100000000000000" + "d804" + "0200000000000000" + "00", new LeaseCheckpointCommand([new(1, 300), new(2, 0)]));
    }

    [Fact]
    public void Cluster_commands()
    {
        Check("20" + "00" + "0000000000000000" + "00", new AlarmCommand(AlarmAction.Get, NodeId.None, AlarmKind.None));
        Check("20" + "01" + "0a00000000000000" + "02", new AlarmCommand(AlarmAction.Activate, new NodeId(10), AlarmKind.NoSpace));
        Check("20" + "02" + "0a00000000000000" + "04", new AlarmCommand(AlarmAction.Deactivate, new NodeId(10), AlarmKind.Corrupt));
        Check("22" + "00", new StateMarkCommand());
        Check("23" + "0a00000000000000" + "07" + "0807060504030201", new StateSumCommand(new NodeId(10), 7, 0x0102030405060708));
        Check("21" + "0a00000000000000" + "0161" + "02" + "03613a31" + "03613a32", new MemberAttributesCommand(new NodeId(10), "a", ["a:1", "a:2"]));
    }

    [Fact]
    public void Commands_for_users_and_roles()
    {
        const string anna = "04616e6e61" + "06";
        Check("30", new AuthEnableCommand());
        Check("31" + anna, new AuthDisableCommand(Anna));
        Check("32" + "0161" + "0162" + "04", new AuthenticateCommand("a", "b", 2));
        Check("33" + anna + "0161" + "03010203" + "00", new UserAddCommand(Anna, "a", new byte[] { 1, 2, 3 }, HasNoPassword: false));
        Check("33" + anna + "0161" + "00" + "01", new UserAddCommand(Anna, "a", default, HasNoPassword: true));
        Check("34" + anna + "0161", new UserDeleteCommand(Anna, "a"));
        Check("35" + anna + "0161" + "0107", new UserChangePasswordCommand(Anna, "a", new byte[] { 7 }));
        Check("36" + anna + "0161" + "0172", new UserGrantRoleCommand(Anna, "a", "r"));
        Check("37" + anna + "0161" + "0172", new UserRevokeRoleCommand(Anna, "a", "r"));
        Check("38" + anna + "0172", new RoleAddCommand(Anna, "r"));
        Check("39" + anna + "0172", new RoleDeleteCommand(Anna, "r"));
        Check("3a" + anna + "0172" + "01" + "04" + "0161" + "0162", new RoleGrantPermissionCommand(Anna, "r", new Permission(PermissionKind.ReadWrite, "a"u8.ToArray(), "b"u8.ToArray())));
        Check("3a" + anna + "0172" + "00", new RoleGrantPermissionCommand(Anna, "r", null));
        Check("3b" + anna + "0172" + "0161" + "0100", new RoleRevokePermissionCommand(Anna, "r", "a"u8.ToArray(), new byte[] { 0 }));
    }

    [Fact]
    public void A_payload_of_another_kind_or_of_none_is_refused()
    {
        Assert.Equal(CommandKind.LeaseGrant, StateCommand.KindOf([16]));
        Assert.Throws<StateFormatException>(() => StateCommand.KindOf([]));
        var other = Assert.Throws<StateFormatException>(() => StateCommand.Decode<LeaseGrantCommand>([17, 0, 0]));
        Assert.Equal("Malformed LeaseGrant command at byte 0: its kind is 17, not 16.", other.Message);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(16_000)]
    public void The_key_of_a_put_is_seen_at_a_glance_or_not_at_all(int length)
    {
        var request = new WireWriter();
        var key = new byte[length];
        key.AsSpan().Fill(7);
        request.Bytes(1, key);
        request.Bytes(2, "value"u8);
        var payload = CommandEnvelope.Encode(9, Caller.Nobody, CommandKind.Put, request.Written);
        Assert.True(CommandEnvelope.TryPeekKey(payload, out var found));
        Assert.Equal(key, found.ToArray());

        // Whatever is cut off: it is not the key that is missing a part.
        for (var cut = 0; cut < payload.Length; cut++)
        {
            Assert.True(!CommandEnvelope.TryPeekKey(payload[..cut], out found) || found.Length == length);
        }

        Assert.False(CommandEnvelope.TryPeekKey(CommandEnvelope.Encode(9, Anna, CommandKind.Put, request.Written), out _));
        Assert.False(CommandEnvelope.TryPeekKey(CommandEnvelope.Encode(9, Caller.Nobody, CommandKind.Txn, request.Written), out _));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void The_lease_that_a_payload_revokes_is_seen_before_it_is_applied(bool hasCaller, bool isNamed)
    {
        var caller = hasCaller ? Anna : Caller.Nobody;
        var name = isNamed ? new ClientRequest(7, 200, 300) : default;
        var payload = Of(new LeaseRevokeCommand(Anna, -5, IsExpired: false));
        Assert.True(CommandEnvelope.TryPeekRevocation(payload, out var lease));
        Assert.Equal(-5, lease);

        // Neither what it is cut down to, nor anything else.
        for (var cut = 0; cut < payload.Length; cut++)
        {
            Assert.False(CommandEnvelope.TryPeekRevocation(payload.AsSpan(0, cut), out _));
        }

        Assert.False(CommandEnvelope.TryPeekRevocation(Of(new LeaseGrantCommand(5, 17)), out _));

        byte[] Of<T>(in T command)
            where T : struct, IStateCommand<T>
        {
            var bytes = StateCommand.Encode(command);
            return CommandEnvelope.Encode(9, caller, StateCommand.KindOf(bytes), bytes.AsSpan(1), name).ToArray();
        }
    }

    [Fact]
    public void The_numbers_of_the_kinds_are_fixed()
        => Assert.Equal(
            "Put 1, DeleteRange 2, Txn 3, Compact 4, CompactByItself 5, LeaseGrant 16, LeaseRevoke 17, LeaseCheckpoint 18, Alarm 32, MemberAttributes 33, StateMark 34, StateSum 35, "
            + "AuthEnable 48, AuthDisable 49, Authenticate 50, UserAdd 51, UserDelete 52, UserChangePassword 53, UserGrantRole 54, UserRevokeRole 55, "
            + "RoleAdd 56, RoleDelete 57, RoleGrantPermission 58, RoleRevokePermission 59",
            string.Join(", ", Enum.GetValues<CommandKind>().Select(kind => $"{kind} {(byte)kind}")));

    private static void Check<T>(string hex, T command)
        where T : IStateCommand<T>
    {
        Assert.Equal(hex, Convert.ToHexStringLower(StateCommand.Encode(command)));
        TableBytes.AssertDamageIsNamed(
            Convert.FromHexString(hex),
            bytes => TableBytes.Of(to => StateCommand.Encode(StateCommand.Decode<T>(bytes), to)));
    }
}
