using RaftKv.Server.Api;
using RaftKv.Server.Replica;

namespace RaftKv.Server.Tests.Api;

public sealed class OverloadGateTests
{
    [Fact]
    public void Writes_beyond_the_limit_are_refused_until_others_are_done()
    {
        var gate = new OverloadGate(new ApiOptions { MaxPendingWriteBytes = 100 });
        gate.EnterWrite(60);
        Refused(() => gate.EnterWrite(41));
        gate.EnterWrite(40);
        Refused(() => gate.EnterWrite(1));
        gate.LeaveWrite(40);
        gate.EnterWrite(1);
        Assert.Equal(61, gate.WriteBytes);
        Assert.Equal(2, gate.Refused);
    }

    [Fact]
    public void One_write_always_fits()
    {
        var gate = new OverloadGate(new ApiOptions { MaxPendingWriteBytes = 10 });
        gate.EnterWrite(1000);
        Refused(() => gate.EnterWrite(1));
        gate.LeaveWrite(1000);
        gate.EnterWrite(1000);
    }

    [Fact]
    public void Reads_beyond_the_limit_are_refused_until_others_are_done()
    {
        var gate = new OverloadGate(new ApiOptions { MaxPendingReads = 2 });
        gate.EnterRead();
        gate.EnterRead();
        Refused(gate.EnterRead);
        gate.LeaveRead();
        gate.EnterRead();
        Assert.Equal(2, gate.Reads);
    }

    private static void Refused(Action enter)
        => Assert.Equal(RequestRefusal.TooManyRequests, Assert.Throws<RequestRefusedException>(enter).Reason);
}
