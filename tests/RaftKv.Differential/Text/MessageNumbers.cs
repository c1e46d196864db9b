using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace RaftKv.Differential.Text;

/// <summary>Walks a message through all its depths and replaces its int64 numbers.</summary>
internal static class MessageNumbers
{
    /// <param name="message">Changed in place.</param>
    /// <param name="replace">From the field and its number to the number it is to have.</param>
    public static void Replace(IMessage message, Func<FieldDescriptor, long, long> replace)
    {
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            if (field.FieldType == FieldType.Message)
            {
                foreach (var inner in Messages(message, field))
                {
                    Replace(inner, replace);
                }
            }
            else if (field.FieldType == FieldType.Int64 && !field.IsRepeated && MessageText.IsSet(message, field))
            {
                field.Accessor.SetValue(message, replace(field, (long)field.Accessor.GetValue(message)));
            }
        }
    }

    /// <summary>The messages that a field of type message holds: none, one, or those of its list.</summary>
    public static IEnumerable<IMessage> Messages(IMessage message, FieldDescriptor field) => field.Accessor.GetValue(message) switch
    {
        IList list => list.Cast<IMessage>(),
        IMessage one => [one],
        _ => [],
    };
}
