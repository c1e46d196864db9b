using RaftKv.Raft;
using RaftKv.Storage.State;

namespace RaftKv.Storage.Tests.State;

public sealed class AlarmTableTests
{
    private static readonly NodeId A = new(0xa);
    private static readonly NodeId B = new(0xb);

    [Fact]
    public void An_alarm_stands_until_it_is_taken_back()
    {
        var table = new AlarmTable();
        Assert.True(table.Activate(A, AlarmKind.NoSpace));
        Assert.False(table.Activate(A, AlarmKind.NoSpace));
        Assert.True(table.IsActive(AlarmKind.NoSpace));
        Assert.False(table.IsActive(AlarmKind.Corrupt));

        Assert.False(table.Deactivate(A, AlarmKind.Corrupt));
        Assert.False(table.Deactivate(B, AlarmKind.NoSpace));
        Assert.True(table.Deactivate(A, AlarmKind.NoSpace));
        Assert.False(table.IsActive(AlarmKind.NoSpace));
    }

    [Fact]
    public void There_is_no_alarm_of_no_kind()
    {
        var table = new AlarmTable();
        Assert.False(table.Activate(A, AlarmKind.None));
        Assert.Empty(table.Active);
    }

    [Fact]
    public void They_are_listed_by_kind_or_all()
    {
        var table = Sample();
        Assert.Equal([new Alarm(A, AlarmKind.NoSpace), new Alarm(B, AlarmKind.NoSpace), new Alarm(A, AlarmKind.Corrupt)], table.Get(AlarmKind.None));
        Assert.Equal([new Alarm(A, AlarmKind.NoSpace), new Alarm(B, AlarmKind.NoSpace)], table.Get(AlarmKind.NoSpace));
        Assert.Equal([new Alarm(A, AlarmKind.Corrupt)], table.Get(AlarmKind.Corrupt));
    }

    [Fact]
    public void Its_bytes_are_golden()
    {
        Assert.Equal("0100", TableBytes.HexOf(new AlarmTable().WriteTo));
        Assert.Equal("0103" + "020a00000000000000" + "020b00000000000000" + "040a00000000000000", TableBytes.HexOf(Sample().WriteTo));
    }

    [Fact]
    public void Damage_is_named()
        => TableBytes.AssertDamageIsNamed(TableBytes.Of(Sample().WriteTo), bytes => TableBytes.Of(AlarmTable.ReadFrom(bytes).WriteTo));

    private static AlarmTable Sample()
    {
        var table = new AlarmTable();
        table.Activate(A, AlarmKind.Corrupt);
        table.Activate(B, AlarmKind.NoSpace);
        table.Activate(A, AlarmKind.NoSpace);
        return table;
    }
}
